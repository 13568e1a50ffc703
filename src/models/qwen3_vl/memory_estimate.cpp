#include "models/qwen3_vl/memory_estimate.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "models/qwen3_vl/graph_memory_estimate.h"
#include "models/qwen3_vl/limits.h"
#include "tensor/attention.h"
#include "tensor/cpu/array_pool.h"
#include "tensor/cpu/integer_input.h"

namespace oko::models::qwen3_vl {
namespace {

std::uint64_t merged_tokens(const VisionConfig& config, std::uint64_t patches) {
  return patches /
         static_cast<std::uint64_t>(config.spatial_merge_size * config.spatial_merge_size);
}

/// Bytes of arrays and of the freed ones that the pool keeps.
std::uint64_t kept_with(std::uint64_t arrays) {
  return arrays + tensor::cpu::ArrayPool::most_kept(arrays);
}

/// The 16-bit copy of rows that a product reads, with a scale and a sum for each 64 columns.
std::uint64_t integer_bytes(std::uint64_t rows, std::uint64_t columns) {
  return std::min<std::uint64_t>(rows, tensor::cpu::kMaxIntegerRows) * (columns * 2 + columns / 8);
}

}  // namespace

std::uint64_t pixel_bytes(const VisionConfig& config, std::uint64_t patches) {
  return patches * kFloat *
         static_cast<std::uint64_t>(config.in_channels * config.temporal_patch_size *
                                    config.patch_size * config.patch_size);
}

std::uint64_t feature_bytes(const VisionConfig& config, std::uint64_t patches,
                            const tensor::MemoryModel& memory) {
  return merged_tokens(config, patches) * (1 + config.deepstack_visual_indexes.size()) *
         static_cast<std::uint64_t>(config.out_hidden_size) * memory.number_bytes;
}

std::uint64_t vision_bytes(const VisionConfig& config, std::uint64_t patches,
                           const tensor::MemoryModel& memory) {
  if (memory.graph) return graph_vision_bytes(config, patches, memory);
  const auto hidden_size = static_cast<std::uint64_t>(config.hidden_size);
  const auto intermediate_size = static_cast<std::uint64_t>(config.intermediate_size);
  const std::uint64_t states = patches * hidden_size * kFloat;
  const std::uint64_t rows = std::min<std::uint64_t>(patches, kVisionRows);
  // Cosines and sines, as a vector and as arrays.
  const std::uint64_t rotary =
      patches * 2 * kFloat * static_cast<std::uint64_t>(config.hidden_size / config.num_heads);
  // x, its norm, queries, keys and values.
  const std::uint64_t attention = 5 * states;
  // x before and after attention, and the output; norm and widest activation of a block of rows.
  const std::uint64_t feed_forward =
      (patches > rows ? 3 : 2) * states + rows * (hidden_size + intermediate_size) * kFloat;
  const std::uint64_t layers =
      kept_with(std::max(attention, feed_forward) + feature_bytes(config, patches, memory)) +
      rotary + integer_bytes(patches, intermediate_size);
  // Pixels, those of a block of rows again, and the first states.
  const std::uint64_t embedding = pixel_bytes(config, patches) + pixel_bytes(config, rows) +
                                  kept_with(states + rows * hidden_size * kFloat);
  return std::max(layers, embedding);
}

std::uint64_t kv_bytes(const TextConfig& config, std::uint64_t tokens,
                       std::uint64_t initial_capacity, tensor::cpu::KvType type,
                       const tensor::MemoryModel& memory) {
  const auto head_dim = static_cast<std::size_t>(config.head_dim);
  const std::uint64_t row =
      memory.graph ? head_dim * memory.number_bytes : tensor::cpu::kv_row_bytes(type, head_dim);
  const std::uint64_t token = 2 * static_cast<std::uint64_t>(config.num_key_value_heads) * row;
  const std::uint64_t capacity = tensor::KvCache::capacity_for(tokens, initial_capacity);
  return static_cast<std::uint64_t>(config.num_hidden_layers) * token * capacity;
}

std::uint64_t prefill_bytes(const TextConfig& config, std::uint64_t tokens, std::uint64_t chunk,
                            const tensor::MemoryModel& memory) {
  const std::uint64_t rows = std::min(tokens, chunk);
  if (memory.graph) return graph_prefill_bytes(config, tokens, rows, memory);
  const auto hidden_size = static_cast<std::uint64_t>(config.hidden_size);
  const auto intermediate_size = static_cast<std::uint64_t>(config.intermediate_size);
  const auto head_dim = static_cast<std::uint64_t>(config.head_dim);
  const std::uint64_t queries = static_cast<std::uint64_t>(config.num_attention_heads) * head_dim;
  const std::uint64_t keys = static_cast<std::uint64_t>(config.num_key_value_heads) * head_dim;
  // x, its norm, gate, up and their product; x twice more for features of pictures.
  const std::uint64_t feed_forward = 4 * hidden_size + 3 * intermediate_size;
  // x, its norm; queries and keys before and after norm and rotation, values.
  const std::uint64_t attention = 4 * hidden_size + 2 * queries + 3 * keys;
  // Per token of the whole prompt: its id and its three positions.
  return kept_with(rows * std::max(feed_forward, attention) * kFloat) +
         integer_bytes(rows, intermediate_size) + tokens * 4 * kFloat +
         decode_bytes(config, tokens, memory);
}

std::uint64_t decode_bytes(const TextConfig& config, std::uint64_t tokens,
                           const tensor::MemoryModel& memory) {
  if (memory.graph) return graph_decode_bytes(config, tokens, memory);
  // Logits as an array, as the sampler's copy, and the order of the most likely.
  return 4 * static_cast<std::uint64_t>(config.vocab_size) * kFloat;
}

namespace {

std::uint64_t product(int rows, int columns) {
  return static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(columns);
}

/// The numbers of all layers of the language model.
std::uint64_t layer_weights(const TextConfig& text) {
  const int queries = text.num_attention_heads * text.head_dim;
  const int keys = text.num_key_value_heads * text.head_dim;
  return static_cast<std::uint64_t>(text.num_hidden_layers) *
         (2 * product(queries, text.hidden_size) + 2 * product(keys, text.hidden_size) +
          3 * product(text.intermediate_size, text.hidden_size));
}

std::uint64_t quantized_bytes(const Config& config, std::uint64_t weights) {
  return tensor::bytes_of(
      weights, config.quantization.of_layer("language_model.model.layers.0.mlp.up_proj"));
}

}  // namespace

std::uint64_t weight_bytes(const Config& config) {
  const TextConfig& text = config.text;
  const std::uint64_t tables = (text.tie_word_embeddings.value_or(true) ? 1 : 2) *
                               product(text.vocab_size, text.hidden_size);
  const VisionConfig& vision = config.vision;
  const int merged = vision.hidden_size * vision.spatial_merge_size * vision.spatial_merge_size;
  const std::uint64_t block = 4 * product(vision.hidden_size, vision.hidden_size) +
                              2 * product(vision.intermediate_size, vision.hidden_size);
  const std::uint64_t merger = product(merged, merged) + product(vision.out_hidden_size, merged);
  const std::uint64_t tower =
      static_cast<std::uint64_t>(vision.depth) * block +
      (1 + vision.deepstack_visual_indexes.size()) * merger +
      product(vision.num_position_embeddings, vision.hidden_size) +
      pixel_bytes(vision, 1) / kFloat * static_cast<std::uint64_t>(vision.hidden_size);
  return quantized_bytes(config, layer_weights(text) + tables) + 2 * tower;
}

std::uint64_t weight_bytes_per_token(const Config& config) {
  const TextConfig& text = config.text;
  return quantized_bytes(config, layer_weights(text) + product(text.vocab_size, text.hidden_size));
}

std::optional<Config> qwen3_vl(std::string_view size) {
  struct Shape {
    std::string_view size;
    int hidden_size, intermediate_size, num_hidden_layers, num_attention_heads;
    bool has_large_tower, tie_word_embeddings;
  };
  constexpr Shape kShapes[] = {{"2b", 2048, 6144, 28, 16, false, true},
                               {"4b", 2560, 9728, 36, 32, false, true},
                               {"8b", 4096, 12288, 36, 32, true, false},
                               {"32b", 5120, 25600, 64, 64, true, false}};
  const auto* const shape = std::find_if(std::begin(kShapes), std::end(kShapes),
                                         [&](const Shape& each) { return each.size == size; });
  if (shape == std::end(kShapes)) return std::nullopt;
  Config config;
  config.text.hidden_size = shape->hidden_size;
  config.text.intermediate_size = shape->intermediate_size;
  config.text.num_hidden_layers = shape->num_hidden_layers;
  config.text.num_attention_heads = shape->num_attention_heads;
  config.text.num_key_value_heads = 8;
  config.text.head_dim = 128;
  config.text.vocab_size = 151936;
  config.text.max_position_embeddings = 262144;
  config.text.tie_word_embeddings = shape->tie_word_embeddings;
  config.vision.hidden_size = shape->has_large_tower ? 1152 : 1024;
  config.vision.intermediate_size = shape->has_large_tower ? 4304 : 4096;
  config.vision.depth = shape->has_large_tower ? 27 : 24;
  config.vision.num_heads = 16;
  config.vision.num_position_embeddings = 2304;
  config.vision.out_hidden_size = shape->hidden_size;
  config.vision.deepstack_visual_indexes =
      shape->has_large_tower ? std::vector<int>{8, 16, 24} : std::vector<int>{5, 11, 17};
  config.quantization =
      tensor::QuantizationConfig(tensor::Quantization{4, tensor::kDecoderGroupSize});
  return config;
}

Config qwen3_vl_4b() {
  return *qwen3_vl("4b");
}

}  // namespace oko::models::qwen3_vl
