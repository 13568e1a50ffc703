#include "models/bge_m3/modules.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "base/config_reader.h"
#include "base/file.h"
#include "base/json_file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"

namespace oko::models::bge_m3 {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A settings file, which may be missing: then an empty object.
json read_if_there(const fs::path& path) {
  return has_entry(path) ? read_json_object(path, ErrorCode::kBadModel) : json::object();
}

Pooling read_mode(const ConfigReader& reader, const char* key, const json& name) {
  const auto mode =
      name.is_string() ? pooling_of(name.get_ref<const std::string&>()) : std::optional<Pooling>();
  if (!mode) {
    reader.refuse(key, name, "cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken");
  }
  return *mode;
}

/// The modes by the flags of sentence-transformers before 5.4.
std::vector<Pooling> read_mode_flags(const ConfigReader& reader, const json& settings) {
  constexpr std::array<std::pair<const char*, Pooling>, 6> kFlags{{
      {"pooling_mode_cls_token", Pooling::kCls},
      {"pooling_mode_max_tokens", Pooling::kMax},
      {"pooling_mode_mean_tokens", Pooling::kMean},
      {"pooling_mode_mean_sqrt_len_tokens", Pooling::kMeanSqrtLength},
      {"pooling_mode_weightedmean_tokens", Pooling::kWeightedMean},
      {"pooling_mode_lasttoken", Pooling::kLastToken},
  }};
  for (const auto& [key, value] : settings.items()) {
    const auto is_key = [&name = key](const auto& flag) { return name == flag.first; };
    const bool is_off = value.is_boolean() && !value.get<bool>();
    if (!key.starts_with("pooling_mode_") || is_off ||
        std::any_of(kFlags.begin(), kFlags.end(), is_key)) {
      continue;
    }
    reader.fail(tr("{} is a pooling mode that oko does not run",
                   "{} — способ свёртки, с которым oko не работает", excerpt(key, 60)));
  }
  std::vector<Pooling> modes;
  for (const auto& [key, mode] : kFlags) {
    if (reader.boolean_or(key, false)) modes.push_back(mode);
  }
  if (modes.empty()) modes.push_back(Pooling::kMean);
  return modes;
}

void read_pooling(const fs::path& path, int hidden_size, Modules& modules) {
  const json settings = read_json_object(path, ErrorCode::kBadModel);
  const ConfigReader reader(settings, path.string(), hint_for_encoders());
  for (const char* key : {"embedding_dimension", "word_embedding_dimension"}) {
    reader.integer_or(key, hidden_size, hidden_size, hidden_size);
  }
  modules.include_prompt = reader.boolean_or("include_prompt", true);
  modules.pooling.clear();
  const json* mode = reader.find("pooling_mode");
  if (mode == nullptr) {
    modules.pooling = read_mode_flags(reader, settings);
  } else if (mode->is_array()) {
    for (const json& name : *mode) {
      modules.pooling.push_back(read_mode(reader, "pooling_mode", name));
    }
  } else {
    modules.pooling.push_back(read_mode(reader, "pooling_mode", *mode));
  }
  constexpr std::size_t kMostModes = 6;
  if (modules.pooling.empty() || modules.pooling.size() > kMostModes) {
    reader.refuse("pooling_mode", *mode,
                  tr("one to {} modes", "от одного до {} способов", kMostModes));
  }
}

/// Refuses a module whose input is not the one vector of a text.
void check_names(const ConfigReader& reader) {
  for (const char* key : {"module_input_name", "module_output_name"}) {
    const json* name = reader.find(key);
    if (name != nullptr && *name != "sentence_embedding") {
      reader.refuse(key, *name, "sentence_embedding");
    }
  }
}

VectorStep read_normalize(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  const json settings = read_if_there(path);
  check_names(ConfigReader(settings, path.string(), hint_for_encoders()));
  return {};
}

DenseActivation read_activation(const ConfigReader& reader) {
  constexpr std::array<std::pair<std::string_view, DenseActivation>, 6> kActivations{{
      {"torch.nn.modules.linear.Identity", DenseActivation::kIdentity},
      {"torch.nn.modules.activation.Tanh", DenseActivation::kTanh},
      {"torch.nn.modules.activation.ReLU", DenseActivation::kRelu},
      {"torch.nn.modules.activation.GELU", DenseActivation::kGelu},
      {"torch.nn.modules.activation.Sigmoid", DenseActivation::kSigmoid},
      {"torch.nn.modules.activation.SiLU", DenseActivation::kSilu},
  }};
  const json* name = reader.find("activation_function");
  if (name == nullptr) return DenseActivation::kTanh;
  for (const auto& [known, activation] : kActivations) {
    if (name->is_string() && name->get_ref<const std::string&>() == known) return activation;
  }
  reader.refuse("activation_function", *name, "Identity, Tanh, ReLU, GELU, Sigmoid, SiLU");
}

VectorStep read_dense(const fs::path& folder, int in_features) {
  const fs::path path = folder / "config.json";
  const json settings = read_json_object(path, ErrorCode::kBadModel);
  const ConfigReader reader(settings, path.string(), hint_for_encoders());
  check_names(reader);
  constexpr int kMost = 1 << 20;
  VectorStep step{VectorStep::Kind::kDense, folder};
  step.in_features = static_cast<int>(reader.integer("in_features", in_features, in_features));
  step.out_features = static_cast<int>(reader.integer("out_features", 1, kMost));
  step.bias = reader.boolean_or("bias", true);
  step.use_residual = reader.boolean_or("use_residual", false);
  step.activation = read_activation(reader);
  return step;
}

/// An entry of modules.json.
struct Entry {
  std::string kind;  ///< "Pooling"
  std::string path;  ///< of its folder in the model's
};

std::vector<Entry> read_entries(const fs::path& path) {
  constexpr std::string_view kPackage = "sentence_transformers.";
  const json list = read_json(path, ErrorCode::kBadModel);
  const json none = json::object();
  const ConfigReader file(none, path.string(), hint_for_encoders());
  if (!list.is_array()) {
    file.fail(tr("holds {}, oko expects a list of modules",
                 "содержит {}, а должен быть список модулей", brief(list)));
  }
  std::vector<Entry> entries;
  for (const json& item : list) {
    if (!item.is_object()) {
      file.fail(tr("a module is {}, oko expects an object", "модуль — {}, а должен быть объект",
                   brief(item)));
    }
    const ConfigReader reader(item, path.string(), hint_for_encoders());
    const std::string type = reader.string_or("type", "");
    Entry entry{type.substr(type.rfind('.') + 1), reader.string_or("path", "")};
    if (!type.starts_with(kPackage)) entry.kind = type;
    if (entry.path.find("..") != std::string::npos || entry.path.starts_with('/')) {
      reader.refuse("path", entry.path, tr("a folder of the model", "папка модели"));
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

void read_modules_json(const fs::path& model_dir, int hidden_size, Modules& modules) {
  const fs::path path = model_dir / "modules.json";
  const std::vector<Entry> entries = read_entries(path);
  const json none = json::object();
  const ConfigReader file(none, path.string(), hint_for_encoders());
  const bool starts = entries.size() >= 2 && entries[0].kind == "Transformer";
  if (!starts || entries[1].kind != "Pooling") {
    std::string kinds;
    for (const Entry& entry : entries) kinds += (kinds.empty() ? "" : ", ") + entry.kind;
    file.fail(tr("the modules are {}; an embedding model begins with Transformer, Pooling",
                 "модули: {}; модель для векторов начинается с Transformer, Pooling",
                 excerpt(kinds)));
  }
  if (!entries[0].path.empty()) {
    file.fail(tr("the encoder lies in a folder of its own, {}",
                 "кодировщик лежит в отдельной папке {}", excerpt(entries[0].path, 60)));
  }
  read_pooling(model_dir / entries[1].path / "config.json", hidden_size, modules);
  modules.steps.clear();
  int width = hidden_size * static_cast<int>(modules.pooling.size());
  for (std::size_t i = 2; i < entries.size(); ++i) {
    const fs::path folder = model_dir / entries[i].path;
    if (entries[i].kind == "Normalize") {
      modules.steps.push_back(read_normalize(folder));
    } else if (entries[i].kind == "Dense") {
      modules.steps.push_back(read_dense(folder, width));
      width = modules.steps.back().out_features;
    } else {
      file.fail(tr("oko does not run the module {}", "oko не работает с модулем {}",
                   excerpt(entries[i].kind, 60)));
    }
  }
}

/// Settings of the module Transformer.
void read_transformer(const fs::path& model_dir, Modules& modules) {
  constexpr std::array kNames = {
      "sentence_bert_config.json",       "sentence_roberta_config.json",
      "sentence_distilbert_config.json", "sentence_camembert_config.json",
      "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
      "sentence_xlnet_config.json"};
  const auto name = std::find_if(kNames.begin(), kNames.end(),
                                 [&](const char* file) { return has_entry(model_dir / file); });
  const fs::path path = model_dir / (name == kNames.end() ? kNames[0] : *name);
  const json settings = read_if_there(path);
  const ConfigReader reader(settings, path.string(), hint_for_encoders());
  constexpr int kMost = 1 << 24;
  modules.max_seq_length = static_cast<int>(reader.integer_or("max_seq_length", 0, 3, kMost));
  if (modules.max_seq_length == 0) {
    const fs::path tokenizer = model_dir / "tokenizer_config.json";
    const json file = read_if_there(tokenizer);
    // Files without a limit say 1e30.
    const double most = ConfigReader(file, tokenizer.string(), hint_for_encoders())
                            .number("model_max_length")
                            .value_or(0);
    if (most >= 3 && most <= kMost) modules.max_seq_length = static_cast<int>(most);
  }
  modules.do_lower_case = reader.boolean_or("do_lower_case", false);
  const auto require = [&](const ConfigReader& from, const char* key, const char* expected) {
    const json* value = from.find(key);
    if (value != nullptr && *value != expected) from.refuse(key, *value, expected);
  };
  require(reader, "transformer_task", "feature-extraction");
  require(reader, "module_output_name", "token_embeddings");
  const ConfigReader text = reader.child_or_empty("modality_config").child_or_empty("text");
  require(text, "method", "forward");
  require(text, "method_output_name", "last_hidden_state");
  for (const char* key : {"query_length", "document_length", "query_expansion", "config_args",
                          "tokenizer_args", "config_kwargs", "processor_kwargs"}) {
    const json* value = reader.find(key);
    const bool is_off = value == nullptr || (value->is_boolean() && !value->get<bool>());
    if (!is_off && !value->empty()) {
      reader.fail(tr("oko does not run the setting {}", "oko не работает с настройкой {}", key));
    }
  }
}

/// The first of these prompts that has a text.
std::string first_prompt(const ConfigReader& prompts, std::initializer_list<const char*> names,
                         const std::string& otherwise) {
  for (const char* name : names) {
    std::string prompt = prompts.string_or(name, "");
    if (!prompt.empty()) return prompt;
  }
  return otherwise;
}

/// Prompts.
void read_model_settings(const fs::path& model_dir, Modules& modules) {
  const fs::path path = model_dir / "config_sentence_transformers.json";
  const json settings = read_if_there(path);
  const ConfigReader reader(settings, path.string(), hint_for_encoders());
  const std::string type = reader.string_or("model_type", "SentenceTransformer");
  if (type != "SentenceTransformer") reader.refuse("model_type", type, "SentenceTransformer");
  const std::string name = reader.string_or("default_prompt_name", "");
  const ConfigReader prompts = reader.child_or_empty("prompts");
  if (!name.empty()) {
    // sentence-transformers has these two as empty prompts if the file does not have them.
    if (prompts.find(name.c_str()) == nullptr && name != "query" && name != "document") {
      reader.refuse("default_prompt_name", name, tr("a name in prompts", "имя из prompts"));
    }
    modules.prompt = prompts.string_or(name.c_str(), "");
  }
  modules.query_prompt = first_prompt(prompts, {"query"}, modules.prompt);
  // The names that encode_document of sentence-transformers knows.
  modules.passage_prompt = first_prompt(prompts, {"document", "passage", "corpus"}, modules.prompt);
}

}  // namespace

LocalizedText hint_for_encoders() {
  return tr(
      "oko runs encoders of the kinds of BGE-M3 and multilingual-e5 (XLM-RoBERTa, BERT); "
      "docs/INPUTS.md has the list",
      "oko работает с кодировщиками вида BGE-M3 и multilingual-e5 (XLM-RoBERTa, BERT); "
      "список — в docs/INPUTS.md");
}

bool has_pooling(const fs::path& model_dir) {
  return has_entry(model_dir / "modules.json") ||
         has_entry(model_dir / "1_Pooling" / "config.json");
}

Modules read_modules(const fs::path& model_dir, int hidden_size) {
  Modules modules;
  if (has_entry(model_dir / "modules.json")) {
    read_modules_json(model_dir, hidden_size, modules);
  } else if (const fs::path pooling = model_dir / "1_Pooling" / "config.json"; has_entry(pooling)) {
    read_pooling(pooling, hidden_size, modules);
  }
  read_transformer(model_dir, modules);
  read_model_settings(model_dir, modules);
  return modules;
}

}  // namespace oko::models::bge_m3
