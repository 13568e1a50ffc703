#include "models/qwen3_vl/graph_memory_estimate.h"

#include <algorithm>

#include "models/qwen3_vl/limits.h"
#include "models/qwen3_vl/memory_estimate.h"
#include "tensor/attention.h"
#include "tensor/query_blocks.h"

namespace oko::models::qwen3_vl {
namespace {

constexpr std::uint64_t kTokensInFlight = 2;

std::uint64_t unsigned_of(int value) {
  return static_cast<std::uint64_t>(value);
}

/// The scores of a block and, if causal, their mask and the masked scores; 0 if they are no arrays.
std::uint64_t score_bytes(const tensor::AttentionShape& shape, int head_dim,
                          const tensor::MemoryModel& memory) {
  if (memory.fused && tensor::has_fused_kernel(head_dim, shape.queries)) return 0;
  return tensor::largest_block_scores(shape, tensor::kMaxScoreArray) *
         (shape.causal ? 2 * memory.number_bytes + 1 : memory.number_bytes);
}

/// f32 temporaries of operations that a GPU fuses and MLX's CPU device does not.
std::uint64_t unfused_bytes(std::uint64_t numbers, const tensor::MemoryModel& memory) {
  return memory.fused ? 0 : numbers * kFloat;
}

std::uint64_t layer_bytes(const TextConfig& config, std::uint64_t rows,
                          const tensor::MemoryModel& memory) {
  const std::uint64_t hidden = rows * unsigned_of(config.hidden_size);
  const std::uint64_t wide = rows * unsigned_of(config.intermediate_size);
  const std::uint64_t queries = rows * unsigned_of(config.num_attention_heads * config.head_dim);
  const std::uint64_t keys = rows * unsigned_of(config.num_key_value_heads * config.head_dim);
  // x, two norms, two products; x with features of pictures twice. Queries and keys before and
  // after norm and rotation; values; the result of attention. Gate, up and their product.
  const std::uint64_t numbers = 7 * hidden + 4 * queries + 4 * keys + 3 * wide;
  return numbers * memory.number_bytes + unfused_bytes(2 * hidden + 3 * (queries + keys), memory);
}

}  // namespace

std::uint64_t graph_vision_bytes(const VisionConfig& config, std::uint64_t patches,
                                 const tensor::MemoryModel& memory) {
  const std::uint64_t states = patches * unsigned_of(config.hidden_size);
  const std::uint64_t rows = std::min<std::uint64_t>(patches, kVisionRows);
  const std::uint64_t wide = rows * unsigned_of(config.intermediate_size);
  // x, its norm, queries and keys before and after rotation, values, attention and its product; in
  // a block of rows of the feed-forward network the norm, the activation before and after, the sum.
  const std::uint64_t numbers = 9 * states + 2 * rows * unsigned_of(config.hidden_size) + 2 * wide;
  const tensor::AttentionShape attention{static_cast<int>(patches), static_cast<int>(patches),
                                         config.num_heads};
  const std::uint64_t layers =
      numbers * memory.number_bytes + unfused_bytes(10 * states + 2 * wide, memory) +
      score_bytes(attention, config.hidden_size / config.num_heads, memory);
  // All pixels; those of a block of rows again and as activations; states with learned positions.
  const std::uint64_t row_pixels = pixel_bytes(config, rows);
  const std::uint64_t as_numbers =
      memory.number_bytes == kFloat ? 0 : row_pixels / kFloat * memory.number_bytes;
  const std::uint64_t embedding =
      pixel_bytes(config, patches) + row_pixels + as_numbers + 6 * states * memory.number_bytes;
  return std::max(layers, embedding) + feature_bytes(config, patches, memory);
}

std::uint64_t graph_prefill_bytes(const TextConfig& config, std::uint64_t keys, std::uint64_t rows,
                                  const tensor::MemoryModel& memory) {
  const tensor::AttentionShape attention{static_cast<int>(rows), static_cast<int>(keys),
                                         config.num_attention_heads, true};
  return layer_bytes(config, rows, memory) + score_bytes(attention, config.head_dim, memory) +
         unsigned_of(config.vocab_size) * (memory.number_bytes + kFloat) +
         keys * 4 * kFloat;  // an id and three positions a token
}

std::uint64_t graph_decode_bytes(const TextConfig& config, std::uint64_t keys,
                                 const tensor::MemoryModel& memory) {
  const tensor::AttentionShape attention{1, static_cast<int>(keys), config.num_attention_heads};
  const std::uint64_t layers =
      unsigned_of(config.num_hidden_layers) *
      (layer_bytes(config, 1, memory) + score_bytes(attention, config.head_dim, memory));
  // Logits as computed, in f32, and the temporaries of choosing a token.
  const std::uint64_t logits = unsigned_of(config.vocab_size) * (memory.number_bytes + 3 * kFloat);
  return kTokensInFlight * (layers + logits);
}

}  // namespace oko::models::qwen3_vl
