#include <fmt/format.h>

#include <cstddef>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/embedder.h"
#include "mcp/tool.h"
#include "mcp/tool_file.h"
#include "server/api.h"
#include "server/request_json.h"

namespace oko::mcp {
namespace {

std::vector<std::string> texts_of_call(const RequestJson& value) {
  if (!value.is_array() || value.empty() || value.size() > server::kMostTexts) {
    server::refuse_value(
        "texts", tr("a list of 1 to {} strings", "список от 1 до {} строк", server::kMostTexts));
  }
  std::vector<std::string> texts;
  for (const RequestJson& each : value) {
    if (!each.is_string()) {
      server::refuse_value(fmt::format("texts[{}]", texts.size()), tr("a string", "строка"));
    }
    texts.push_back(each.get<std::string>());
  }
  return texts;
}

/// The numbers with no more digits than f32 has.
Json vector_json(std::span<const float> vector) {
  Json numbers = Json::array();
  for (const float each : vector) {
    numbers.push_back(std::strtod(fmt::format("{}", each).c_str(), nullptr));
  }
  return numbers;
}

ToolResult embed(const ToolContext& context, const ToolCall& call) {
  const server::RequestFields fields(call.arguments);
  const std::vector<std::string> texts = texts_of_call(fields.need("texts"));
  server::ServedModel model;
  const auto embedder = context.models.embedder(fields.text("model").value_or(""), model);
  const engine::EmbeddingResult result =
      server::embed_texts(*embedder, model, {.texts = texts}, call.stop);
  Json vectors = Json::array(), cut = Json::array();
  for (std::size_t i = 0; i < result.texts.size(); ++i) {
    const engine::TextEmbedding& text = result.texts[i];
    vectors.push_back(vector_json(text.encoding.dense));
    if (text.total_tokens > text.tokens) cut.push_back(i);
  }
  const std::size_t dimensions = result.texts.front().encoding.dense.size();
  Json content{{"model", model.name}, {"dimensions", dimensions}, {"vectors", std::move(vectors)}};
  if (!cut.empty()) content["cut"] = std::move(cut);
  return {std::move(content),
          tr("{} vectors of {} numbers, by {}, in the structured content",
             "{:вектор|вектора|векторов} из {} чисел, модель {}, — в structuredContent",
             Count(texts.size()), dimensions, model.name)
              .in(call.language),
          true};
}

}  // namespace

Tool embed_tool() {
  const Json input{
      {"texts",
       {{"type", "array"},
        {"items", {{"type", "string"}}},
        {"minItems", 1},
        {"maxItems", server::kMostTexts}}},
      {"model", {{"type", "string"}, {"description", "An embedding model of oko models."}}}};
  const Json output{
      {"model", {{"type", "string"}}},
      {"dimensions", {{"type", "integer"}}},
      {"vectors",
       {{"type", "array"}, {"items", {{"type", "array"}, {"items", {{"type", "number"}}}}}}},
      {"cut",
       {{"type", "array"},
        {"items", {{"type", "integer"}}},
        {"description", "Indices of texts that are longer than the model reads."}}}};
  return {.name = "embed",
          .title = tr("Turn texts into vectors", "Превратить тексты в векторы"),
          .description =
              "Turns texts into vectors of length 1 with an embedding model on this machine: the "
              "similarity of two texts is the sum of products.",
          .input = object_schema(input, {"texts"}),
          .output = object_schema(output, {"model", "dimensions", "vectors"}),
          .run = embed};
}

}  // namespace oko::mcp
