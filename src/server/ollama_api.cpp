#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "hub/digest.h"
#include "server/api.h"
#include "server/api_error.h"
#include "server/chat_task.h"
#include "server/data_uri.h"
#include "server/picture_fields.h"
#include "server/raw_json.h"
#include "server/request_json.h"
#include "server/sampling_fields.h"
#include "server/tool_fields.h"

// Ollama's API as its docs/api.md and its Go types (api/types.go) have it. Its clients look for
// capabilities in /api/show and leave out models without them.
namespace oko::server {
namespace {

using Clock = std::chrono::steady_clock;

/// Programs that ask for a version mean Ollama's: the first with all that is served here.
constexpr const char* kOllamaVersion = "0.12.0";

std::string time_text(std::time_t time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time));
}

std::string tag_of(const ServedModel& model) {
  return model.name + ":latest";
}

const char* family_of(const ServedModel& model) {
  return model.kind == ModelKind::kEmbedding ? "bert" : "qwen3vl";
}

Json details_of(const ServedModel& model) {
  return {{"parent_model", ""},         {"format", "safetensors"},
          {"family", family_of(model)}, {"families", {family_of(model)}},
          {"parameter_size", ""},       {"quantization_level", ""}};
}

/// `ollama list` shows its beginning, and ends with a fault of its own if it is shorter. Files are
/// not read for it: what it tells apart are folders, sizes and times.
std::string digest_of(const ServedModel& model) {
  hub::Digest digest(hub::DigestKind::kSha256);
  const std::string text =
      fmt::format("{}\n{}\n{}", model.folder.string(), model.bytes, model.modified);
  digest.update(std::as_bytes(std::span(text)));
  return digest.finish();
}

Json tag_json(const ServedModel& model) {
  return {{"name", tag_of(model)},      {"model", tag_of(model)},
          {"size", model.bytes},        {"modified_at", time_text(model.modified)},
          {"digest", digest_of(model)}, {"details", details_of(model)}};
}

Json tags_of(const std::vector<ServedModel>& models) {
  Json tags = Json::array();
  for (const ServedModel& model : models) tags.push_back(tag_json(model));
  return {{"models", std::move(tags)}};
}

/// The name of a model in a request: "model", or "name" of older clients.
std::string model_of(const RequestFields& fields) {
  const auto name = fields.text("name");
  return name && fields.find("model") == nullptr ? *name : fields.need_text("model");
}

/// `context`: tokens that the model reads. Editors cut their prompts to a few thousand without it.
Json show_json(const ServedModel& model, int context, const Json& capabilities) {
  return {{"modelfile", ""},
          {"parameters", ""},
          {"template", ""},
          {"details", details_of(model)},
          {"model_info",
           {{"general.architecture", family_of(model)},
            {"general.basename", model.name},
            {fmt::format("{}.context_length", family_of(model)), context}}},
          {"capabilities", capabilities},
          {"modified_at", time_text(model.modified)}};
}

/// How long a model is kept: seconds, or a duration of Go ("5m", "1h30m", "300ms"); below 0: as
/// long as can be.
std::chrono::milliseconds duration_of(const RequestJson& value) {
  constexpr double kMost = 1e9;  // seconds
  const auto expected = tr("seconds, or a text like 5m", "секунды или текст вида 5m");
  const auto seconds = [](double count) {
    if (!(count >= 0 && count < kMost)) count = kMost;
    return std::chrono::milliseconds(static_cast<std::int64_t>(count * 1000));
  };
  if (value.is_number()) return seconds(value.get<double>());
  if (!value.is_string()) refuse_value("keep_alive", expected);
  const std::string& text = value.get_ref<const std::string&>();
  const std::map<std::string, double, std::less<>> units{{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3},
                                                         {"s", 1},     {"m", 60},    {"h", 3600}};
  double total = 0;
  const bool is_negative = text.starts_with('-');
  const std::size_t begin = is_negative ? 1 : 0;
  if (begin == text.size()) refuse_value("keep_alive", expected);
  for (std::size_t at = begin; at < text.size();) {
    const std::size_t unit = std::min(text.find_first_not_of("0123456789.", at), text.size());
    const std::size_t end = std::min(text.find_first_of("0123456789.", unit), text.size());
    const std::string digits = text.substr(at, unit - at);
    char* behind = nullptr;
    const double number = std::strtod(digits.c_str(), &behind);
    const auto found = units.find(std::string_view(text).substr(unit, end - unit));
    const bool is_bare = unit == end && at == begin;  // seconds
    const bool is_read = !digits.empty() && *behind == '\0';
    if (!is_read || (found == units.end() && !is_bare)) refuse_value("keep_alive", expected);
    total += number * (is_bare ? 1 : found->second);
    at = end;
  }
  return seconds(is_negative && total > 0 ? -1 : total);
}

/// "keep_alive" of a request.
std::optional<std::chrono::milliseconds> keep_alive_of(const RequestFields& fields) {
  const RequestJson* value = fields.find("keep_alive");
  if (value == nullptr) return std::nullopt;
  return duration_of(*value);
}

/// The models in memory, with the time at which each goes.
Json running_of(const ServedModels& models) {
  const std::vector<ServedModel> loaded = models.loaded();
  Json json = tags_of(loaded);
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    constexpr const char* kNever = "2318-01-01T00:00:00Z";  // as Ollama's without an end
    Json& entry = json["models"][i];
    const auto end = models.end_of(loaded[i]);
    const auto left =
        end ? std::chrono::ceil<std::chrono::seconds>(*end - Clock::now()).count() : 0;
    entry["expires_at"] = end ? time_text(std::time(nullptr) + left) : std::string(kNever);
    entry["size_vram"] = 0;
  }
  return json;
}

struct OllamaRequest {
  ChatTask task;
  bool is_streamed = true;
  bool is_chat = false;  ///< /api/chat, else /api/generate
  std::optional<std::chrono::milliseconds> keep_alive = {};
};

void add_images(const RequestFields& fields, text::Message& message, ChatTask& task) {
  const RequestJson* images = fields.find("images");
  if (images == nullptr) return;
  const std::string name = fields.name_of("images");
  if (!images->is_array()) refuse_value(name, tr("a list", "список"));
  for (std::size_t i = 0; i < images->size(); ++i) {
    const std::string place = fmt::format("{}[{}]", name, i);
    if (!(*images)[i].is_string()) refuse_value(place, tr("a string", "строка"));
    task.pictures.push_back(
        {place, bytes_of_picture_text((*images)[i].get_ref<const std::string&>(), place)});
    message.parts.push_back(text::Part::make_image());
  }
}

text::Role ollama_role_of(const RequestFields& message) {
  const std::string& role = message.need_text("role");
  if (role == "system") return text::Role::kSystem;
  if (role == "user") return text::Role::kUser;
  if (role == "assistant") return text::Role::kAssistant;
  if (role == "tool") return text::Role::kTool;
  refuse_value(message.name_of("role"),
               tr("system, user, assistant or tool", "system, user, assistant или tool"));
}

void read_options(const RequestFields& fields, ChatTask& task) {
  const RequestJson* json = fields.find("options");
  if (json == nullptr) return;
  const RequestFields options(*json, "options");
  // Below 0: without a limit, or to the end of the context.
  const std::int64_t limit = options.integer("num_predict", -2, kMostTokens).value_or(-1);
  if (limit > 0) task.max_tokens = static_cast<int>(limit);
  for (const char* name : {"mirostat", "typical_p", "tfs_z"}) {
    const RequestJson* value = options.find(name);
    if (value != nullptr && *value != 0 && *value != 1) refuse_field(options.name_of(name));
  }
  read_sampling(options, task);
  read_picture_fields(options, task);
}

/// "json", or a schema, of which `body` has the keys in order.
void read_ollama_format(const RequestFields& fields, std::string_view body, ChatTask& task) {
  const RequestJson* format = fields.find("format");
  if (format == nullptr || *format == "") return;
  if (*format != "json" && !format->is_object()) {
    refuse_value("format", tr(R"("json" or a JSON schema)", R"("json" или схема JSON)"));
  }
  task.schema_name = "format";
  task.schema = format->is_object() ? raw_member(body, "format") : kAnyObject;
  if (task.schema.empty()) task.schema = format->dump();
}

/// "think": a flag, or how much, of which models of oko know no more than yes.
void read_think(const RequestFields& fields, ChatTask& task) {
  const RequestJson* value = fields.find("think");
  if (value == nullptr) return;
  const bool is_level = *value == "low" || *value == "medium" || *value == "high";
  const bool thinks = is_level || *fields.flag("think");
  task.gives_thoughts = thinks;
  if (thinks) task.thoughts_field = "think";
}

OllamaRequest parse_ollama(const HttpRequest& http) {
  const RequestJson body = parse_request(http.body);
  const RequestFields fields(body);
  OllamaRequest request;
  request.is_chat = http.path == "/api/chat";
  ChatTask& task = request.task;
  task.model = model_of(fields);
  request.is_streamed = fields.flag("stream").value_or(true);
  request.keep_alive = keep_alive_of(fields);
  read_options(fields, task);
  read_picture_fields(fields, task);
  read_ollama_format(fields, http.body, task);
  if (request.is_chat) {
    read_tools(fields, http.body, task);
  } else if (const RequestJson* tools = fields.find("tools"); tools != nullptr && !tools->empty()) {
    refuse_field("tools");
  }
  for (const char* name : {"raw", "template", "suffix", "context"}) {
    const RequestJson* value = fields.find(name);
    if (value != nullptr && !value->empty() && *value != "" && *value != false) refuse_field(name);
  }
  read_think(fields, task);
  if (!request.is_chat) {
    if (const auto system = fields.text("system"); system && !system->empty()) {
      task.messages.push_back({text::Role::kSystem, {text::Part::make_text(*system)}});
    }
    text::Message message{text::Role::kUser, {}};
    add_images(fields, message, task);
    const std::string prompt = fields.text("prompt").value_or("");
    if (!prompt.empty()) message.parts.push_back(text::Part::make_text(prompt));
    if (message.parts.empty()) {
      task.messages.clear();  // an instruction alone asks nothing
    } else {
      task.messages.push_back(std::move(message));
    }
    return request;
  }
  const RequestJson* messages = fields.find("messages");
  if (messages == nullptr) return request;
  if (!messages->is_array()) refuse_value("messages", tr("a list", "список"));
  for (std::size_t i = 0; i < messages->size(); ++i) {
    const RequestFields given((*messages)[i], fmt::format("messages[{}]", i));
    text::Message message{ollama_role_of(given), {}};
    if (message.role == text::Role::kAssistant) message.calls = read_calls(given);
    add_images(given, message, task);
    message.parts.push_back(text::Part::make_text(given.text("content").value_or("")));
    add_message(std::move(message), task);
  }
  return request;
}

std::int64_t nanoseconds(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e9);
}

/// A line of an answer with a piece of text, of thoughts or of both.
Json piece_of(const OllamaRequest& request, const std::string& model, std::string_view text,
              std::string_view thoughts = {}) {
  Json piece{{"model", model}, {"created_at", time_text(std::time(nullptr))}};
  if (request.is_chat) {
    piece["message"] = {{"role", "assistant"}, {"content", text}};
  } else {
    piece["response"] = text;
  }
  if (!thoughts.empty()) (request.is_chat ? piece["message"] : piece)["thinking"] = thoughts;
  piece["done"] = false;
  return piece;
}

/// Null: the answer calls nothing.
Json calls_of(const engine::GenerationResult& result) {
  Json calls;
  for (const std::string& text : result.calls) {
    auto [name, arguments] = CallReader::read_object(text);
    if (arguments.is_null()) continue;
    calls.push_back(
        {{"function", {{"name", std::move(name)}, {"arguments", std::move(arguments)}}}});
  }
  return calls;
}

/// The last line, with the answer unless it was sent before.
Json end_of(const HttpRequest& http, const OllamaRequest& request, const ChatAnswer& answer,
            Clock::duration total) {
  const engine::GenerationStats& stats = answer.result.stats;
  Json end = request.is_streamed
                 ? piece_of(request, answer.model.name, "")
                 : piece_of(request, answer.model.name, answer.result.text, answer.result.thoughts);
  if (Json calls = calls_of(answer.result); !calls.is_null()) {
    end["message"]["tool_calls"] = std::move(calls);
  }
  add_boxes(answer.pictures, answer.result.text, end);
  add_notes(language_of(http), answer.notes, end);
  end["done"] = true;
  end["done_reason"] =
      answer.result.finish_reason == engine::FinishReason::kLength ? "length" : "stop";
  end["total_duration"] = std::chrono::nanoseconds(total).count();
  end["load_duration"] = nanoseconds(stats.load_seconds);
  end["prompt_eval_count"] = stats.prompt_tokens;
  end["prompt_eval_duration"] = nanoseconds(stats.prefill_seconds + stats.vision_seconds);
  end["eval_count"] = stats.generated_tokens;
  end["eval_duration"] = nanoseconds(stats.decode_seconds);
  return end;
}

/// A request without a message asks to load the model, or to unload it.
bool send_load(const ApiContext& context, const OllamaRequest& request, HttpResponse& response) {
  if (!request.task.messages.empty()) return false;
  ServedModel model;
  const bool unloads = request.keep_alive && request.keep_alive->count() == 0;
  if (unloads) {
    model = context.models.find(request.task.model);
    context.models.unload(model);
  } else {
    context.models.generator(request.task.model, model);
    context.models.keep(model, request.keep_alive);
  }
  Json end = piece_of(request, model.name, "");
  end["done"] = true;
  end["done_reason"] = unloads ? "unload" : "load";
  response.send({}, dump(end));
  return true;
}

void answer_lines(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  const auto begun = Clock::now();
  OllamaRequest request = parse_ollama(http);
  if (send_load(context, request, response)) return;
  ChatTask task = std::move(request.task);
  if (!request.is_streamed) {
    const ChatAnswer answer = run_chat(context, std::move(task), response.stop());
    context.models.keep(answer.model, request.keep_alive);
    response.send({}, dump(end_of(http, request, answer, Clock::now() - begun)));
    return;
  }
  std::string name;
  const auto begin = [&](const ServedModel& model) {
    name = model.name;
    response.begin({.content_type = "application/x-ndjson"});
  };
  const auto on_text = [&](std::string_view text) {
    response.write(dump(piece_of(request, name, text)) + "\n");
  };
  const auto on_thoughts = [&](std::string_view thoughts) {
    response.write(dump(piece_of(request, name, "", thoughts)) + "\n");
  };
  try {
    const ChatAnswer answer =
        run_chat(context, std::move(task), response.stop(), begin, on_text, on_thoughts);
    context.models.keep(answer.model, request.keep_alive);
    response.write(dump(end_of(http, request, answer, Clock::now() - begun)) + "\n");
  } catch (const Error& error) {
    if (!response.has_begun() || error.code() == ErrorCode::kCancelled) throw;
    response.write(error_body(http, error) + "\n");
  }
  response.end();
}

std::vector<std::string> inputs_of(const RequestJson& input) {
  if (input.is_string()) return {input.get<std::string>()};
  const auto expected =
      tr("a string, or a list of at most {}", "строка или список до {} строк", kMostTexts);
  if (!input.is_array() || input.size() > kMostTexts) refuse_value("input", expected);
  std::vector<std::string> texts;
  texts.reserve(input.size());
  for (const RequestJson& text : input) {
    if (!text.is_string()) refuse_value("input", expected);
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

/// /api/embed, and /api/embeddings of older clients, with one text.
void embed_for_ollama(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  const auto begun = Clock::now();
  const RequestJson body = parse_request(http.body);
  const RequestFields fields(body);
  const bool is_one = http.path == "/api/embeddings";
  const std::vector<std::string> texts =
      is_one ? std::vector{fields.need_text("prompt")} : inputs_of(fields.need("input"));
  ServedModel model;
  const auto keep_alive = keep_alive_of(fields);
  const auto embedder = context.models.embedder(model_of(fields), model);
  context.models.keep(model, keep_alive);
  const engine::EmbeddingResult result =
      embed_texts(*embedder, model, {.texts = texts}, response.stop());
  context.models.tokens().prompt += static_cast<std::uint64_t>(result.stats.tokens);
  const bool may_cut = fields.flag("truncate").value_or(true);
  for (const auto& text : result.texts) {
    if (may_cut || text.total_tokens == text.tokens) continue;
    throw Error(ErrorCode::kUsage,
                tr("a text has {} tokens; the model reads {}",
                   "в тексте {} токенов; модель читает {}", text.total_tokens, text.tokens));
  }
  const std::size_t size = result.texts.empty() ? 0 : result.texts.front().encoding.dense.size();
  const auto dimensions = fields.integer("dimensions", 0, 1'000'000).value_or(0);
  if (dimensions != 0 && size != 0 && static_cast<std::size_t>(dimensions) != size) {
    refuse_field("dimensions");
  }
  std::vector<std::string> vectors;
  vectors.reserve(result.texts.size());
  for (const auto& text : result.texts) vectors.push_back(numbers_text(text.encoding.dense));
  if (is_one) {
    response.send({}, fmt::format(R"({{"embedding":{}}})", vectors.front()));
    return;
  }
  const std::chrono::nanoseconds total = Clock::now() - begun;
  response.send({}, fmt::format(R"({{"model":{},"embeddings":[{}],"total_duration":{},)"
                                R"("load_duration":{},"prompt_eval_count":{}}})",
                                dump(model.name), fmt::join(vectors, ","), total.count(),
                                nanoseconds(result.stats.load_seconds), result.stats.tokens));
}

void show(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  const RequestJson body = parse_request(http.body);
  ServedModel model = context.models.find(model_of(RequestFields(body)));
  if (model.kind == ModelKind::kEmbedding) {
    const auto embedder = context.models.embedder(model.name, model);
    response.send({}, dump(show_json(model, embedder->max_tokens(), Json::array({"embedding"}))));
    return;
  }
  const auto generator = context.models.generator(model.name, model);
  Json capabilities = Json::array({"completion", "vision"});
  if (generator->answer_forms().call_tokens()) capabilities.push_back("tools");
  if (generator->thinks()) capabilities.push_back("thinking");
  response.send({}, dump(show_json(model, generator->max_context(), capabilities)));
}

}  // namespace

std::vector<Route> ollama_routes(const ApiContext& context) {
  const auto with_context = [&context](const auto& function) -> ApiHandler {
    return [&context, function](const HttpRequest& request, HttpResponse& response) {
      function(context, request, response);
    };
  };
  const auto send_json = [](const std::function<Json()>& json) -> ApiHandler {
    return [json](const HttpRequest&, HttpResponse& response) { response.send({}, dump(json())); };
  };
  return {{"GET", "/api/version", send_json([] {
             return Json{{"version", kOllamaVersion}};
           })},
          {"GET", "/api/tags", send_json([&context] { return tags_of(context.models.list()); })},
          {"GET", "/api/ps", send_json([&context] { return running_of(context.models); })},
          {"POST", "/api/show", with_context(show)},
          {"POST", "/api/chat", with_context(answer_lines)},
          {"POST", "/api/generate", with_context(answer_lines)},
          {"POST", "/api/embed", with_context(embed_for_ollama)},
          {"POST", "/api/embeddings", with_context(embed_for_ollama)}};
}

}  // namespace oko::server
