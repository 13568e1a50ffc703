#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "document/pages.h"
#include "engine/generator.h"
#include "engine/reductions.h"
#include "mcp/tool.h"
#include "mcp/tool_file.h"
#include "server/api.h"
#include "server/request_json.h"
#include "tasks/describe.h"
#include "tasks/picture.h"

namespace oko::mcp {
namespace {

constexpr std::int64_t kMostAnswerTokens = 1'000'000;
constexpr std::int64_t kMostPageNumber = 1'000'000;

tasks::DescribeOptions describe_options_of(const server::RequestFields& fields) {
  tasks::DescribeOptions options;
  options.prompt = fields.text("question").value_or("");
  const std::string language = fields.text("language").value_or("en");
  if (language != "en" && language != "ru") {
    server::refuse_value("language", tr("en or ru", "en или ru"));
  }
  options.language = language == "ru" ? Language::kRussian : Language::kEnglish;
  const auto reads = tasks::read_text_of(fields.text("ocr").value_or("auto"));
  if (!reads) server::refuse_value("ocr", tr("auto, on or off", "auto, on или off"));
  options.read_text = *reads;
  options.max_tokens = static_cast<int>(
      fields.integer("max_tokens", 1, kMostAnswerTokens).value_or(options.max_tokens));
  return options;
}

/// Waits for the answer. Half of the progress is up to the first token.
engine::GenerationResult answer_of(engine::GenerationHandle& handle, const ToolCall& call,
                                   int max_tokens) {
  double pieces = 0;
  while (const std::optional<engine::AnswerUpdate> update = handle.next(call.stop)) {
    if (!update->text.empty()) ++pieces;
    const double answered = std::min(1.0, pieces / max_tokens);
    call.on_progress(pieces > 0 ? (1 + answered) / 2 : update->progress / 2);
    if (update->is_finished) return handle.wait();
  }
  throw_cancelled();
}

ToolResult describe_image(const ToolContext& context, const ToolCall& call) {
  const server::RequestFields fields(call.arguments);
  tasks::DescribeOptions options = describe_options_of(fields);
  options.reader = &context.reader;
  const auto page = static_cast<int>(fields.integer("page", 1, kMostPageNumber).value_or(1));
  const ToolFile file(fields, call.roots);
  server::ServedModel model;
  const auto generator = context.models.generator(fields.text("model").value_or(""), model);
  try {
    document::PagesOptions selected;
    selected.selection = document::PageSelection::only(page);
    selected.decoder = context.models.decoder(call.stop);
    document::Pages pages({file.path()}, selected);
    tasks::Describer describer(context.models.host(), *generator, options, pages, call.stop);
    tasks::Description description = describer.next();
    const engine::GenerationResult result = answer_of(description.answer, call, options.max_tokens);
    std::vector<LocalizedText> notes;
    if (!description.unread.empty()) notes.push_back(tasks::unread_text(description.unread));
    for (const LocalizedText& note : {description.shrinking, description.others}) {
      if (!note.empty()) notes.push_back(note);
    }
    notes.insert(notes.end(), description.text.notes.begin(), description.text.notes.end());
    for (const engine::Reduction& each : result.reductions) notes.push_back(engine::text_of(each));
    Json content{{"text", result.text},
                 {"model", model.name},
                 {"finish_reason", engine::name_of(result.finish_reason)},
                 {"page", page},
                 {"pages", std::max(description.pages, pages.pages_of_file(0))}};
    if (!notes.empty()) content["notes"] = texts_in(call.language, notes);
    return {std::move(content), result.text};
  } catch (const Error& error) {
    throw server::named_error(file.named(error), model);
  }
}

}  // namespace

Tool describe_image_tool(bool takes_paths, const FileRoots& roots) {
  Json input = file_properties(takes_paths, roots, "picture or PDF");
  input["question"] = {{"type", "string"},
                       {"description", "What to ask; by default for a description."}};
  input["language"] = {{"type", "string"},
                       {"enum", {"en", "ru"}},
                       {"description", "Of the default question, and so of the answer."}};
  input["page"] = {
      {"type", "integer"}, {"minimum", 1}, {"description", "Page of a PDF or TIFF; 1 by default."}};
  input["ocr"] = {
      {"type", "string"},
      {"enum", {"auto", "on", "off"}},
      {"description",
       "Whether the model gets the text of the picture, read first; auto by default: if "
       "it clearly has text."}};
  input["max_tokens"] = {
      {"type", "integer"}, {"minimum", 1}, {"description", "Limit of the answer."}};
  input["model"] = {{"type", "string"}, {"description", "A vision-language model of oko models."}};
  const Json output{{"text", {{"type", "string"}}},
                    {"model", {{"type", "string"}}},
                    {"finish_reason", {{"type", "string"}, {"enum", {"stop", "length", "loop"}}}},
                    {"page", {{"type", "integer"}}},
                    {"pages", {{"type", "integer"}}},
                    {"notes", {{"type", "array"}, {"items", {{"type", "string"}}}}}};
  return {.name = "describe_image",
          .title = tr("Describe a picture", "Описать картинку"),
          .description =
              "Describes a picture or a page of a PDF, or answers a question about it, with a "
              "vision-language model on this machine. For exact text use read_text.",
          .input = object_schema(std::move(input)),
          .output = object_schema(output, {"text", "model", "finish_reason", "page", "pages"}),
          .run = describe_image};
}

}  // namespace oko::mcp
