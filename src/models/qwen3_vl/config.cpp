#include "models/qwen3_vl/config.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/config_reader.h"
#include "base/json_file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "models/qwen3_vl/hint.h"

namespace oko::models::qwen3_vl {
namespace {

using nlohmann::json;

/// An integer as int; `high` must fit one.
int integer_or(const ConfigReader& reader, const char* key, int otherwise, int low, int high) {
  return static_cast<int>(reader.integer_or(key, otherwise, low, high));
}

void check_activation(const ConfigReader& reader, const char* expected) {
  const std::string act = reader.string_or("hidden_act", expected);
  if (act != expected) {
    reader.fail(tr("hidden_act {} is not supported (expected {})",
                   "hidden_act {} не поддерживается (ожидается {})", act, expected));
  }
}

/// True if config.json says that the head is the embedding; nothing if it does not say. One "true"
/// is enough: published files disagree in the two places.
std::optional<bool> tie_of(const ConfigReader& root, const ConfigReader& text) {
  std::optional<bool> tie;
  for (const ConfigReader* reader : {&root, &text}) {
    if (reader->find("tie_word_embeddings") == nullptr) continue;
    const bool says_tied = reader->boolean_or("tie_word_embeddings", false);
    tie = tie.value_or(false) || says_tied;
  }
  return tie;
}

/// The rotary embedding's settings.
void parse_rope(const ConfigReader& reader, TextConfig& text) {
  // transformers 5 keeps both under rope_parameters, earlier versions and MLX next to rope_scaling.
  const bool new_layout = reader.find("rope_parameters") != nullptr;
  const ConfigReader rope = reader.child_or_empty(new_layout ? "rope_parameters" : "rope_scaling");
  text.rope_theta = (rope.find("rope_theta") != nullptr ? rope : reader)
                        .positive_or("rope_theta", text.rope_theta);
  // A rope_scaling that the user has added next to rope_parameters for long texts counts, too.
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const ConfigReader each = reader.child_or_empty(key);
    const std::string type = each.string_or("rope_type", each.string_or("type", "default"));
    if (type == "default" || type == "mrope") continue;
    reader.fail(tr("rope_type {} is not supported", "rope_type {} не поддерживается", type));
  }
  if (rope.find("mrope_section") != nullptr) {
    const std::vector<int> sections = rope.integers("mrope_section", 3, 0, text.head_dim / 2);
    if (sections.size() != 3) {
      rope.refuse("mrope_section", *rope.find("mrope_section"),
                  tr("three integers", "три целых числа"));
    }
    std::copy(sections.begin(), sections.end(), text.mrope_section.begin());
  }
  const auto [time, height, width] = text.mrope_section;
  if (time + height + width != text.head_dim / 2) {
    reader.fail(tr("mrope_section does not add up to head_dim / 2 = {}",
                   "сумма mrope_section не равна head_dim / 2 = {}", text.head_dim / 2));
  }
}

// The defaults are those of transformers' Qwen3VLTextConfig and Qwen3VLVisionConfig.

TextConfig parse_text(const ConfigReader& root) {
  const ConfigReader reader = root.child("text_config");
  TextConfig text;
  text.hidden_size = integer_or(reader, "hidden_size", 4'096, 1, 65'536);
  text.intermediate_size = integer_or(reader, "intermediate_size", 22'016, 1, 1 << 20);
  text.num_hidden_layers = integer_or(reader, "num_hidden_layers", 32, 1, 1'024);
  text.num_attention_heads = integer_or(reader, "num_attention_heads", 32, 1, 1'024);
  // A null means as many as there are heads; no value means 32.
  text.num_key_value_heads =
      integer_or(reader, "num_key_value_heads",
                 reader.is_null("num_key_value_heads") ? text.num_attention_heads : 32, 1, 1'024);
  text.head_dim = integer_or(reader, "head_dim", 128, 2, 256);
  text.vocab_size = integer_or(reader, "vocab_size", 151'936, 1, 1 << 22);
  text.max_position_embeddings = integer_or(reader, "max_position_embeddings", 128'000, 1, 1 << 24);
  text.rms_norm_eps = reader.positive_or("rms_norm_eps", text.rms_norm_eps);
  text.tie_word_embeddings = tie_of(root, reader);
  check_activation(reader, "silu");
  if (reader.boolean_or("attention_bias", false)) {
    reader.fail(tr("attention_bias is not supported", "attention_bias не поддерживается"));
  }
  parse_rope(reader, text);
  if (text.num_attention_heads % text.num_key_value_heads != 0 || text.head_dim % 2 != 0) {
    reader.fail(tr("{} heads over {} key heads of {} do not fit",
                   "{:голова|головы|голов} на {:голову|головы|голов} ключей по {} не сходятся",
                   Count(text.num_attention_heads), Count(text.num_key_value_heads),
                   text.head_dim));
  }
  return text;
}

void parse_vision_rope(const ConfigReader& reader, VisionConfig& vision) {
  const ConfigReader rope = reader.child_or_empty("rope_parameters");
  vision.rope_theta = (rope.find("rope_theta") != nullptr ? rope : reader)
                          .positive_or("rope_theta", vision.rope_theta);
  const std::string type = rope.string_or("rope_type", "axial");
  if (type != "axial" && type != "default") {
    reader.fail(tr("rope_type {} is not supported", "rope_type {} не поддерживается", type));
  }
}

VisionConfig parse_vision(const ConfigReader& root, const TextConfig& text) {
  const ConfigReader reader = root.child("vision_config");
  VisionConfig vision;
  vision.hidden_size = integer_or(reader, "hidden_size", 1'152, 1, 65'536);
  vision.intermediate_size = integer_or(reader, "intermediate_size", 4'304, 1, 1 << 20);
  vision.depth = integer_or(reader, "depth", 27, 1, 1'024);
  vision.num_heads = integer_or(reader, "num_heads", 16, 1, 1'024);
  vision.in_channels = integer_or(reader, "in_channels", 3, 3, 3);
  vision.patch_size = integer_or(reader, "patch_size", 16, 1, 256);
  vision.temporal_patch_size = integer_or(reader, "temporal_patch_size", 2, 1, 16);
  vision.spatial_merge_size = integer_or(reader, "spatial_merge_size", 2, 1, 16);
  vision.num_position_embeddings = integer_or(reader, "num_position_embeddings", 2'304, 1, 1 << 20);
  vision.out_hidden_size =
      integer_or(reader, "out_hidden_size", 3'584, text.hidden_size, text.hidden_size);
  vision.deepstack_visual_indexes = {8, 16, 24};
  if (reader.find("deepstack_visual_indexes") != nullptr) {
    vision.deepstack_visual_indexes =
        reader.integers("deepstack_visual_indexes",
                        static_cast<std::size_t>(text.num_hidden_layers), 0, vision.depth - 1);
  }
  if (std::any_of(vision.deepstack_visual_indexes.begin(), vision.deepstack_visual_indexes.end(),
                  [&](int layer) { return layer >= vision.depth; })) {
    reader.fail(tr("deepstack_visual_indexes name layers beyond the depth of {}",
                   "deepstack_visual_indexes называют слои дальше глубины {}", vision.depth));
  }
  parse_vision_rope(reader, vision);
  check_activation(reader, "gelu_pytorch_tanh");
  const int side = static_cast<int>(std::lround(std::sqrt(vision.num_position_embeddings)));
  if (side * side != vision.num_position_embeddings) {
    reader.fail(tr("num_position_embeddings {} is not a square",
                   "num_position_embeddings {} — не квадрат", vision.num_position_embeddings));
  }
  const int head_dim = vision.hidden_size / vision.num_heads;
  if (vision.hidden_size % vision.num_heads != 0 || head_dim % 4 != 0 || head_dim > 256) {
    reader.fail(tr("a vision hidden_size of {} does not split into {} heads",
                   "hidden_size {} башни зрения не делится на {:голову|головы|голов}",
                   vision.hidden_size, Count(vision.num_heads)));
  }
  return vision;
}

}  // namespace

Config Config::load(const std::filesystem::path& model_dir) {
  const std::filesystem::path path = model_dir / "config.json";
  const json parsed = read_json_object(path, ErrorCode::kBadModel);
  const ConfigReader root(parsed, path.string(), hint_for_vision_language());
  const std::string type = root.string_or("model_type", "");
  if (type == "xlm-roberta" || type == "bert") {
    root.fail(tr("this model makes vectors; it describes no pictures",
                 "эта модель строит векторы, а не описывает картинки"));
  }
  if (type != "qwen3_vl") {
    root.fail(tr("model_type is \"{}\", expected \"qwen3_vl\"",
                 "model_type — \"{}\", ожидается \"qwen3_vl\"", excerpt(type, 60)));
  }
  Config config;
  config.text = parse_text(root);
  config.vision = parse_vision(root, config.text);
  config.image_token_id =
      integer_or(root, "image_token_id", 151'655, 0, config.text.vocab_size - 1);
  config.quantization = tensor::QuantizationConfig::parse(parsed, path.string());
  const std::uint64_t whole = root.dtype_bytes();
  const std::uint64_t text = root.child("text_config").dtype_bytes();
  config.number_bytes = whole != 0 ? whole : (text != 0 ? text : config.number_bytes);
  return config;
}

}  // namespace oko::models::qwen3_vl
