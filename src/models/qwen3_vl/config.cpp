#include "models/qwen3_vl/config.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/language.h"

namespace oko::models::qwen3_vl {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxConfigBytes = 4'000'000;

/// Reads values of one JSON object, with errors that name the file and the key.
class Reader {
 public:
  Reader(const json& object, std::string file) : object_(object), file_(std::move(file)) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kBadModel, fmt::format("{}: {}", file_, what),
                tr("oko runs dense Qwen3-VL models", "oko работает с плотными моделями Qwen3-VL"));
  }

  const json* find(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  Reader child(const char* key) const {
    const json* value = find(key);
    if (value == nullptr || !value->is_object()) {
      fail(tr("has no {}", "нет {}", key));
    }
    return Reader(*value, file_);
  }

  int integer(const char* key, int low, int high) const {
    const json* value = find(key);
    if (value == nullptr) fail(tr("has no {}", "нет {}", key));
    return integer_of(*value, key, low, high);
  }

  int integer_of(const json& value, const char* key, int low, int high) const {
    if (!value.is_number_integer() || value.get<double>() < low || value.get<double>() > high) {
      fail(tr("{} is {}, expected a whole number in {}..{}",
              "{} — {}, ожидается целое число в {}..{}", key, text_of(value), low, high));
    }
    return value.get<int>();
  }

  int integer_or(const char* key, int otherwise, int low, int high) const {
    return find(key) == nullptr ? otherwise : integer(key, low, high);
  }

  float positive(const char* key) const {
    const json* value = find(key);
    if (value == nullptr) fail(tr("has no {}", "нет {}", key));
    if (!value->is_number() || !(value->get<double>() > 0) || !std::isfinite(value->get<float>())) {
      fail(tr("{} is {}, expected a positive number", "{} — {}, ожидается положительное число", key,
              text_of(*value)));
    }
    return value->get<float>();
  }

  std::string string_or(const char* key, const char* otherwise) const {
    const json* value = find(key);
    return value != nullptr && value->is_string() ? value->get<std::string>() : otherwise;
  }

  bool boolean_or(const char* key, bool otherwise) const {
    const json* value = find(key);
    return value != nullptr && value->is_boolean() ? value->get<bool>() : otherwise;
  }

  std::vector<int> integers(const char* key, std::size_t most, int low, int high) const {
    const json* value = find(key);
    if (value == nullptr || !value->is_array() || value->size() > most) {
      fail(tr("{} is not a list of at most {} whole numbers",
              "{} — не список из не более чем {} целых чисел", key, most));
    }
    std::vector<int> result;
    for (const json& element : *value) result.push_back(integer_of(element, key, low, high));
    return result;
  }

 private:
  static std::string text_of(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 60);
  }

  const json& object_;
  std::string file_;
};

void check_activation(const Reader& reader, const char* expected) {
  const std::string act = reader.string_or("hidden_act", expected);
  if (act != expected) {
    reader.fail(tr("hidden_act {} is not supported (expected {})",
                   "hidden_act {} не поддерживается (ожидается {})", act, expected));
  }
}

TextConfig parse_text(const Reader& root) {
  const Reader reader = root.child("text_config");
  TextConfig text;
  text.hidden_size = reader.integer("hidden_size", 1, 65'536);
  text.intermediate_size = reader.integer("intermediate_size", 1, 1 << 20);
  text.num_hidden_layers = reader.integer("num_hidden_layers", 1, 1'024);
  text.num_attention_heads = reader.integer("num_attention_heads", 1, 1'024);
  text.num_key_value_heads =
      reader.integer_or("num_key_value_heads", text.num_attention_heads, 1, 1'024);
  text.head_dim =
      reader.integer_or("head_dim", text.hidden_size / text.num_attention_heads, 2, 256);
  text.vocab_size = reader.integer("vocab_size", 1, 1 << 22);
  text.max_position_embeddings = reader.integer_or("max_position_embeddings", 32'768, 1, 1 << 24);
  text.rms_norm_eps = reader.positive("rms_norm_eps");
  text.tie_word_embeddings =
      root.boolean_or("tie_word_embeddings", reader.boolean_or("tie_word_embeddings", false));
  check_activation(reader, "silu");
  if (reader.boolean_or("attention_bias", false)) {
    reader.fail(tr("attention_bias is not supported", "attention_bias не поддерживается"));
  }

  // transformers 5 keeps both under rope_parameters, earlier versions and MLX beside rope_scaling.
  const bool new_layout = reader.find("rope_parameters") != nullptr;
  const Reader rope = reader.child(new_layout ? "rope_parameters" : "rope_scaling");
  text.rope_theta = (rope.find("rope_theta") != nullptr ? rope : reader).positive("rope_theta");
  const std::string type = rope.string_or("rope_type", rope.string_or("type", "default").c_str());
  if (type != "default" && type != "mrope") {
    reader.fail(tr("rope_type {} is not supported", "rope_type {} не поддерживается", type));
  }
  const std::vector<int> sections = rope.integers("mrope_section", 3, 0, text.head_dim / 2);
  if (sections.size() != 3 || sections[0] + sections[1] + sections[2] != text.head_dim / 2) {
    reader.fail(tr("mrope_section does not add up to head_dim / 2 = {}",
                   "сумма mrope_section не равна head_dim / 2 = {}", text.head_dim / 2));
  }
  std::copy(sections.begin(), sections.end(), text.mrope_section.begin());
  if (text.num_attention_heads % text.num_key_value_heads != 0 || text.head_dim % 2 != 0) {
    reader.fail(tr("{} heads over {} key heads of {} do not fit",
                   "{} голов на {} голов ключей по {} не сходятся", text.num_attention_heads,
                   text.num_key_value_heads, text.head_dim));
  }
  return text;
}

VisionConfig parse_vision(const Reader& root, const TextConfig& text) {
  const Reader reader = root.child("vision_config");
  VisionConfig vision;
  vision.hidden_size = reader.integer("hidden_size", 1, 65'536);
  vision.intermediate_size = reader.integer("intermediate_size", 1, 1 << 20);
  vision.depth = reader.integer("depth", 1, 1'024);
  vision.num_heads = reader.integer("num_heads", 1, 1'024);
  vision.in_channels = reader.integer_or("in_channels", 3, 3, 3);
  vision.patch_size = reader.integer("patch_size", 1, 256);
  vision.temporal_patch_size = reader.integer("temporal_patch_size", 1, 16);
  vision.spatial_merge_size = reader.integer("spatial_merge_size", 1, 16);
  vision.num_position_embeddings = reader.integer("num_position_embeddings", 1, 1 << 20);
  vision.out_hidden_size = reader.integer("out_hidden_size", text.hidden_size, text.hidden_size);
  vision.deepstack_visual_indexes =
      reader.integers("deepstack_visual_indexes", static_cast<std::size_t>(text.num_hidden_layers),
                      0, vision.depth - 1);
  check_activation(reader, "gelu_pytorch_tanh");
  const int side = static_cast<int>(std::lround(std::sqrt(vision.num_position_embeddings)));
  if (side * side != vision.num_position_embeddings) {
    reader.fail(tr("num_position_embeddings {} is not a square",
                   "num_position_embeddings {} — не квадрат", vision.num_position_embeddings));
  }
  const int head_dim = vision.hidden_size / vision.num_heads;
  if (vision.hidden_size % vision.num_heads != 0 || head_dim % 4 != 0 || head_dim > 256) {
    reader.fail(tr("a vision hidden_size of {} does not split into {} heads",
                   "hidden_size {} башни зрения не делится на {} голов", vision.hidden_size,
                   vision.num_heads));
  }
  return vision;
}

}  // namespace

Config Config::load(const std::filesystem::path& model_dir) {
  const std::filesystem::path path = model_dir / "config.json";
  const json parsed =
      json::parse(read_file(path, kMaxConfigBytes, ErrorCode::kBadModel), nullptr, false);
  const Reader root(parsed, path.string());
  if (!parsed.is_object()) root.fail(tr("is not a JSON object", "не объект JSON"));
  const std::string type = root.string_or("model_type", "");
  if (type != "qwen3_vl") {
    root.fail(tr("model_type is \"{}\", expected \"qwen3_vl\"",
                 "model_type — \"{}\", ожидается \"qwen3_vl\"", type.substr(0, 60)));
  }
  Config config;
  config.text = parse_text(root);
  config.vision = parse_vision(root, config.text);
  config.image_token_id = root.integer("image_token_id", 0, config.text.vocab_size - 1);
  config.quantization = tensor::QuantizationConfig::parse(parsed, path.string());
  return config;
}

}  // namespace oko::models::qwen3_vl
