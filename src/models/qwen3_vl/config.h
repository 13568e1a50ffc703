#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "tensor/quantization.h"

namespace oko::models::qwen3_vl {

/// The language model: `text_config` of config.json, names as there.
struct TextConfig {
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int num_key_value_heads = 0;
  int head_dim = 0;
  int vocab_size = 0;
  int max_position_embeddings = 0;
  float rms_norm_eps = 1e-6f;
  float rope_theta = 500'000;
  /// Frequencies of time, height, width; sum head_dim / 2.
  std::array<int, 3> mrope_section{24, 20, 20};
  /// True if config.json says that the head is the embedding. A head in the files is used in any
  /// case, as in transformers 5.
  std::optional<bool> tie_word_embeddings;
};

/// The vision tower: `vision_config` of config.json, names as there.
struct VisionConfig {
  int hidden_size = 0;
  int intermediate_size = 0;
  int depth = 0;
  int num_heads = 0;
  int in_channels = 3;
  int patch_size = 16;
  int temporal_patch_size = 2;
  int spatial_merge_size = 2;
  int num_position_embeddings = 0;  ///< a square
  int out_hidden_size = 0;          ///< the text model's hidden_size
  float rope_theta = 10'000;
  /// Layers whose output goes to the text model's first layers.
  std::vector<int> deepstack_visual_indexes;
};

struct Config {
  TextConfig text;
  VisionConfig vision;
  std::int32_t image_token_id = 0;
  tensor::QuantizationConfig quantization;
  std::uint64_t number_bytes = 2;  ///< of a weight that is not quantized: `dtype`

  /// Reads config.json of a model folder. Throws kBadModel: missing, not JSON, another architecture
  /// than Qwen3-VL dense, a value missing or out of its range, values that contradict each other.
  static Config load(const std::filesystem::path& model_dir);
};

}  // namespace oko::models::qwen3_vl
