#include "models/bge_m3/config.h"

#include <system_error>

#include "base/config_reader.h"
#include "base/json_file.h"
#include "base/language.h"

namespace oko::models::bge_m3 {
namespace {

using nlohmann::json;

Pooling read_pooling(const std::filesystem::path& model_dir) {
  const std::filesystem::path path = model_dir / "1_Pooling" / "config.json";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return Pooling::kCls;
  const json parsed = read_json_object(path, ErrorCode::kBadModel);
  const ConfigReader reader(parsed, path.string());
  const bool cls = reader.boolean_or("pooling_mode_cls_token", false);
  const bool mean = reader.boolean_or("pooling_mode_mean_tokens", false);
  if (cls == mean) {
    reader.fail(tr("expected one of pooling_mode_cls_token and pooling_mode_mean_tokens",
                   "ожидается одно из pooling_mode_cls_token и pooling_mode_mean_tokens"));
  }
  return cls ? Pooling::kCls : Pooling::kMean;
}

}  // namespace

Config Config::load(const std::filesystem::path& model_dir) {
  const std::filesystem::path path = model_dir / "config.json";
  const json parsed = read_json_object(path, ErrorCode::kBadModel);
  const ConfigReader reader(parsed, path.string());
  const std::string type = reader.string_or("model_type", "");
  if (type != "xlm-roberta" && type != "bert") {
    reader.fail(tr("model_type is \"{}\", expected \"xlm-roberta\" or \"bert\"",
                   "model_type — \"{}\", ожидается \"xlm-roberta\" или \"bert\"",
                   type.substr(0, 60)));
  }
  const std::string act = reader.string_or("hidden_act", "gelu");
  if (act != "gelu") reader.refuse("hidden_act", act, "gelu");
  const std::string positions = reader.string_or("position_embedding_type", "absolute");
  if (positions != "absolute") {
    reader.refuse("position_embedding_type", positions, "absolute");
  }
  const auto integer = [&](const char* key, int low, int high) {
    return static_cast<int>(reader.integer(key, low, high));
  };
  Config config;
  config.hidden_size = integer("hidden_size", 1, 65'536);
  config.intermediate_size = integer("intermediate_size", 1, 1 << 20);
  config.num_hidden_layers = integer("num_hidden_layers", 1, 1'024);
  config.num_attention_heads = integer("num_attention_heads", 1, 1'024);
  config.vocab_size = integer("vocab_size", 4, 1 << 22);
  config.max_position_embeddings = integer("max_position_embeddings", 8, 1 << 20);
  config.type_vocab_size = static_cast<int>(reader.integer_or("type_vocab_size", 1, 1, 1'024));
  if (reader.find("layer_norm_eps") != nullptr) {
    config.layer_norm_eps = reader.positive("layer_norm_eps");
  }
  if (type == "xlm-roberta") {
    config.first_position = static_cast<int>(reader.integer_or("pad_token_id", 1, 0, 3)) + 1;
  }
  const int head_dim = config.hidden_size / config.num_attention_heads;
  if (config.hidden_size % config.num_attention_heads != 0 || head_dim > 256) {
    reader.fail(tr("a hidden_size of {} does not split into {} heads of at most 256",
                   "hidden_size {} не делится на {} голов не больше 256", config.hidden_size,
                   config.num_attention_heads));
  }
  config.pooling = read_pooling(model_dir);
  config.quantization = tensor::QuantizationConfig::parse(parsed, path.string());
  if (const std::uint64_t bytes = reader.dtype_bytes(); bytes != 0) config.number_bytes = bytes;
  return config;
}

}  // namespace oko::models::bge_m3
