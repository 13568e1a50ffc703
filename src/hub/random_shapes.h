#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "hub/random_recipe.h"

namespace oko::hub {

/// A layer that is not stored as the rest of its model.
struct LayerException {
  std::string path;
  int bits = 0;  ///< 0: not quantized
};

/// Dimensions of a random Qwen3-VL checkpoint, under the names of its config.json.
struct RandomShape {
  std::string name;

  std::int64_t hidden_size = 2560;
  std::int64_t num_hidden_layers = 36;
  std::int64_t num_attention_heads = 32;
  std::int64_t num_key_value_heads = 8;
  std::int64_t head_dim = 128;
  std::int64_t intermediate_size = 9728;
  std::int64_t vocab_size = 151936;
  std::int64_t max_position_embeddings = 262144;
  std::vector<int> mrope_section = {24, 20, 20};
  std::int64_t rope_theta = 5000000;

  std::int64_t vision_depth = 24;
  std::int64_t vision_hidden_size = 1024;
  std::int64_t vision_num_heads = 16;
  std::int64_t vision_intermediate_size = 4096;
  std::int64_t num_position_embeddings = 2304;
  std::vector<int> deepstack_visual_indexes = {5, 11, 17};

  bool quantized = true;  ///< text linears and the embedding in 4 bits, group 64; the rest in bf16
  std::vector<LayerException> exceptions = {};
  std::int64_t first_special = 151643;  ///< id of <|endoftext|>, the first of the special tokens
  std::int64_t min_pixels = 65536;      ///< smaller pictures are enlarged
};

/// Every shape that can be made.
const std::vector<RandomShape>& random_shapes();

/// Every tensor of the checkpoint, in the order of the model.
std::vector<RandomTensor> random_tensors(const RandomShape& shape);

/// config.json: readable by transformers and by mlx-vlm.
nlohmann::ordered_json random_config(const RandomShape& shape);
nlohmann::ordered_json random_preprocessor_config(const RandomShape& shape);
nlohmann::ordered_json random_generation_config(const RandomShape& shape);

}  // namespace oko::hub
