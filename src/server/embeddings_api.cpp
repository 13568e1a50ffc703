#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/error.h"
#include "engine/embedder.h"
#include "engine/model_host.h"
#include "server/api.h"
#include "server/request_json.h"

namespace oko::server {
namespace {

struct EmbeddingsRequest {
  std::string model;
  std::vector<std::string> texts;
  models::bge_m3::Outputs outputs;
  bool is_base64 = false;
  std::optional<std::size_t> dimensions;
};

[[noreturn]] void refuse_tokens() {
  throw Error(ErrorCode::kUsage,
              tr("input has numbers of tokens of another model's vocabulary; send texts",
                 "в input — номера токенов из словаря другой модели; пришлите тексты"),
              tr("LangChain: check_embedding_ctx_length=False",
                 "в LangChain: check_embedding_ctx_length=False"));
}

std::vector<std::string> texts_of(const RequestJson& input) {
  if (input.is_string()) return {input.get<std::string>()};
  const auto text_of = [](const RequestJson& each, const std::string& name) {
    const bool is_token = each.is_number();
    if (is_token || (each.is_array() && !each.empty() && each[0].is_number())) refuse_tokens();
    if (!each.is_string()) refuse_value(name, tr("a string", "строка"));
    return each.get<std::string>();
  };
  return texts_of_list(input, "input", tr("a string, or a list of them", "строка или список строк"),
                       text_of);
}

models::bge_m3::Outputs outputs_of(const RequestJson& names) {
  models::bge_m3::Outputs outputs{.dense = false};
  const auto expected =
      tr("a list of dense, sparse and colbert", "список из dense, sparse, colbert");
  if (!names.is_array() || names.empty()) refuse_value("outputs", expected);
  for (const RequestJson& name : names) {
    bool* output = name == "dense"     ? &outputs.dense
                   : name == "sparse"  ? &outputs.sparse
                   : name == "colbert" ? &outputs.colbert
                                       : nullptr;
    if (output == nullptr) refuse_value("outputs", expected);
    *output = true;
  }
  return outputs;
}

EmbeddingsRequest parse_embeddings(const HttpRequest& http) {
  const RequestJson body = parse_request(http.body);
  const RequestFields fields(body);
  EmbeddingsRequest request;
  request.model = fields.text("model").value_or("");
  request.texts = texts_of(fields.need("input"));
  if (const RequestJson* outputs = fields.find("outputs")) request.outputs = outputs_of(*outputs);
  if (const auto format = fields.text("encoding_format")) {
    if (*format != "float" && *format != "base64") {
      refuse_value("encoding_format", tr("float or base64", "float или base64"));
    }
    request.is_base64 = *format == "base64";
  }
  if (const auto dimensions = fields.integer("dimensions", 1, 1'000'000)) {
    request.dimensions = static_cast<std::size_t>(*dimensions);
  }
  return request;
}

/// f32, little-endian, as OpenAI's clients read it.
std::string vector_text(std::span<const float> vector, bool is_base64) {
  if (!is_base64) return numbers_text(vector);
  std::string bytes(vector.size_bytes(), '\0');
  std::memcpy(bytes.data(), vector.data(), bytes.size());
  return fmt::format("\"{}\"", base64_of(bytes));
}

/// An answer that is sent while it is written if it is long: vectors of tokens take three times
/// their bytes as text.
class LongAnswer {
 public:
  explicit LongAnswer(HttpResponse& response) : response_(response) {}

  void add(std::string_view text) {
    constexpr std::size_t kPiece = 256 * 1024;
    text_ += text;
    if (text_.size() < kPiece) return;
    if (!response_.has_begun()) response_.begin({});
    response_.write(text_);
    text_.clear();
  }

  void end() {
    if (!response_.has_begun()) return response_.send({}, std::move(text_));
    response_.write(text_);
    response_.end();
  }

 private:
  HttpResponse& response_;
  std::string text_;
};

void add_object(std::size_t index, const models::bge_m3::Encoding& encoding,
                const EmbeddingsRequest& request, LongAnswer& answer) {
  answer.add(fmt::format(R"({}{{"object":"embedding","index":{})", index > 0 ? "," : "", index));
  if (request.outputs.dense) {
    answer.add(fmt::format(R"(,"embedding":{})", vector_text(encoding.dense, request.is_base64)));
  }
  if (request.outputs.sparse) {
    std::vector<std::string> indices, values;
    for (const auto& [token, weight] : encoding.sparse) {
      indices.push_back(fmt::format("{}", token));
      values.push_back(fmt::format("{}", weight));
    }
    answer.add(fmt::format(R"(,"sparse":{{"indices":[{}],"values":[{}]}})", fmt::join(indices, ","),
                           fmt::join(values, ",")));
  }
  if (request.outputs.colbert) {
    const auto& tokens = encoding.colbert;
    answer.add(R"(,"colbert":[)");
    for (std::size_t i = 0; i < tokens.count(); ++i) {
      if (i > 0) answer.add(",");
      answer.add(vector_text({tokens.row(i), tokens.dimensions}, request.is_base64));
    }
    answer.add("]");
  }
  answer.add("}");
}

/// Those of tokens, while they are sent.
budget::TagBytes bytes_of(const std::vector<engine::TextEmbedding>& texts) {
  budget::TagBytes bytes;
  for (const engine::TextEmbedding& text : texts) {
    const auto& tokens = text.encoding.colbert;
    bytes[budget::Tag::kEmbed] += tokens.count() * tokens.dimensions * sizeof(float);
  }
  return bytes;
}

void require_dimensions(const EmbeddingsRequest& request, std::size_t dimensions) {
  if (!request.dimensions || *request.dimensions == dimensions) return;
  throw FieldError(
      "dimensions",
      tr("dimensions is {}; vectors of this model have {} numbers, and lose their meaning if they "
         "are cut",
         "dimensions — {}; векторы этой модели из {} чисел, и обрезанные теряют смысл",
         *request.dimensions, dimensions));
}

void require_whole(const std::vector<engine::TextEmbedding>& texts) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].total_tokens == texts[i].tokens) continue;
    const std::string name = fmt::format("input[{}]", i);
    throw FieldError(
        name, tr("{} has {} tokens; the model reads {}", "в {} {} токенов; модель читает {}", name,
                 texts[i].total_tokens, texts[i].tokens));
  }
}

void embed(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  const EmbeddingsRequest request = parse_embeddings(http);
  ServedModel model;
  const auto embedder = context.models.embedder(request.model, model, request.outputs);
  const engine::EmbeddingResult result = embed_texts(
      *embedder, model, {.texts = request.texts, .outputs = request.outputs}, response.stop());
  context.models.tokens().prompt += static_cast<std::uint64_t>(result.stats.tokens);
  if (request.outputs.dense) {
    require_dimensions(request, result.texts.front().encoding.dense.size());
  }
  require_whole(result.texts);
  const budget::Reservation memory =
      context.models.host().reserve(bytes_of(result.texts), {}, response.stop());
  LongAnswer answer(response);
  answer.add(R"({"object":"list","data":[)");
  for (std::size_t i = 0; i < result.texts.size(); ++i) {
    add_object(i, result.texts[i].encoding, request, answer);
  }
  answer.add(fmt::format(R"(],"model":{},"usage":{{"prompt_tokens":{},"total_tokens":{}}}}})",
                         dump(model.name), result.stats.tokens, result.stats.tokens));
  answer.end();
}

}  // namespace

engine::EmbeddingResult embed_texts(engine::Embedder& embedder, const ServedModel& model,
                                    const engine::EmbeddingRequest& request,
                                    const StopToken& stop) {
  try {
    return embedder.embed(request, stop);
  } catch (const Error& error) {
    throw named_error(error, model);
  }
}

Error named_error(const Error& error, const ServedModel& model) {
  if (const auto* missing = dynamic_cast<const models::bge_m3::MissingOutput*>(&error)) {
    return {ErrorCode::kUsage,
            tr("{} makes no vectors of the kind {}", "{} не строит векторов вида {}", model.name,
               missing->output()),
            tr("BGE-M3 does: {}", "их строит BGE-M3: {}", "oko pull bge-m3")};
  }
  return {error.code(), error.message().with(model.folder.string(), model.name),
          error.hint().with(model.folder.string(), model.name)};
}

std::vector<Route> embedding_routes(const ApiContext& context) {
  return {
      {"POST", "/v1/embeddings", [&context](const HttpRequest& request, HttpResponse& response) {
         embed(context, request, response);
       }}};
}

}  // namespace oko::server
