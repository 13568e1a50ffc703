#include "models/bge_m3/config.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <system_error>

#include "base/config_reader.h"
#include "base/json_file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"

namespace oko::models::bge_m3 {
namespace {

using nlohmann::json;

/// The kind of a model with this head, in words; empty: an encoder.
LocalizedText task_of(std::string_view architecture) {
  if (architecture.ends_with("ForSequenceClassification")) {
    return tr("a classifier (a reranker is one)", "классификатор (например, реранкер)");
  }
  if (architecture.ends_with("ForTokenClassification")) {
    return tr("a classifier of tokens", "классификатор токенов");
  }
  if (architecture.ends_with("ForQuestionAnswering")) {
    return tr("a model that answers questions", "модель для ответов на вопросы");
  }
  if (architecture.ends_with("ForMultipleChoice")) {
    return tr("a classifier", "классификатор");
  }
  if (architecture.ends_with("ForMaskedLM") || architecture.ends_with("ForCausalLM") ||
      architecture.ends_with("ForPreTraining")) {
    return tr("a language model", "языковая модель");
  }
  return {};
}

/// Refuses a model whose head is not for vectors. With sentence-transformers' modules a language
/// model is an encoder.
void check_architectures(const ConfigReader& reader, const std::filesystem::path& model_dir) {
  const json* list = reader.find("architectures");
  if (list == nullptr) return;
  const auto is_text = [](const json& item) { return item.is_string(); };
  if (!list->is_array() || !std::all_of(list->begin(), list->end(), is_text)) {
    reader.refuse("architectures", *list, tr("a list of texts", "список строк"));
  }
  std::error_code ignored;
  const bool has_modules = std::filesystem::exists(model_dir / "modules.json", ignored);
  for (const json& item : *list) {
    const std::string name = excerpt(item.get<std::string>(), 60);
    const LocalizedText task = task_of(name);
    const bool is_language_model = !name.ends_with("Classification") &&
                                   !name.ends_with("Answering") && !name.ends_with("Choice");
    if (task.empty() || (has_modules && is_language_model)) continue;
    reader.fail(tr("architectures says {}: the model is {}, not one that makes vectors",
                   "architectures — {}: это {}, а не модель для векторов", name, task));
  }
}

}  // namespace

int Config::max_tokens() const {
  const int most = max_position_embeddings - first_position;
  return modules.max_seq_length == 0 ? most : std::min(most, modules.max_seq_length);
}

int Config::dense_size() const {
  const auto is_dense = [](const VectorStep& step) {
    return step.kind == VectorStep::Kind::kDense;
  };
  const auto last = std::find_if(modules.steps.rbegin(), modules.steps.rend(), is_dense);
  return last == modules.steps.rend() ? hidden_size * static_cast<int>(modules.pooling.size())
                                      : last->out_features;
}

Config Config::load(const std::filesystem::path& model_dir) {
  const std::filesystem::path path = model_dir / "config.json";
  const json parsed = read_json_object(path, ErrorCode::kBadModel);
  const ConfigReader reader(parsed, path.string(), hint_for_encoders());
  const std::string type = reader.string_or("model_type", "");
  if (type == "qwen3_vl") {
    reader.fail(tr("this model describes pictures; it makes no vectors",
                   "эта модель описывает картинки, а не строит векторы"));
  }
  if (type != "xlm-roberta" && type != "bert") {
    reader.fail(tr("model_type is \"{}\", expected \"xlm-roberta\" or \"bert\"",
                   "model_type — \"{}\", ожидается \"xlm-roberta\" или \"bert\"",
                   excerpt(type, 60)));
  }
  check_architectures(reader, model_dir);
  for (const char* key : {"is_decoder", "add_cross_attention"}) {
    if (reader.boolean_or(key, false)) reader.refuse(key, true, "false");
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
                   "hidden_size {} не делится на {:голову|головы|голов} не больше 256",
                   config.hidden_size, Count(config.num_attention_heads)));
  }
  config.modules = read_modules(model_dir, config.hidden_size);
  config.quantization = tensor::QuantizationConfig::parse(parsed, path.string());
  if (const std::uint64_t bytes = reader.dtype_bytes(); bytes != 0) config.number_bytes = bytes;
  return config;
}

}  // namespace oko::models::bge_m3
