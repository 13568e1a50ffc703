#include "models/bge_m3/memory_estimate.h"

#include <algorithm>

#include "models/bge_m3/encoder.h"
#include "tensor/attention.h"
#include "tensor/cpu/array_pool.h"
#include "tensor/cpu/integer_input.h"
#include "tensor/query_blocks.h"

namespace oko::models::bge_m3 {
namespace {

constexpr std::uint64_t kFloat = sizeof(float);
constexpr std::uint64_t kScratch = 1'500'000;  // of kernels and allocators, for any shapes
constexpr std::uint64_t kMapNode = 48;         // of a token in a sparse vector, while it is made

/// One pass of MLX's graph. Counts all arrays of a layer, as in qwen3_vl.
std::uint64_t graph_pass_bytes(const Config& config, std::uint64_t tokens, const Outputs& outputs,
                               const tensor::MemoryModel& memory) {
  const auto hidden_size = static_cast<std::uint64_t>(config.hidden_size);
  const std::uint64_t states = tokens * hidden_size;
  const std::uint64_t rows = std::min<std::uint64_t>(tokens, kFeedForwardRows);
  const std::uint64_t wide = rows * static_cast<std::uint64_t>(config.intermediate_size);
  // x, queries, keys, values, attention, its product and their norm; in a block of rows the
  // activation before and after, the product and the norm.
  std::uint64_t layer = (7 * states + 2 * wide + 2 * rows * hidden_size) * memory.number_bytes;
  // Norms and activations are made of operations in f32.
  if (!memory.fused) layer += (6 * states + 3 * wide) * kFloat;
  const tensor::AttentionShape attention{static_cast<int>(tokens), static_cast<int>(tokens),
                                         config.num_attention_heads};
  const int head_dim = config.hidden_size / config.num_attention_heads;
  // Scores are arrays.
  if (!memory.fused || !tensor::has_fused_kernel(head_dim, attention.queries)) {
    layer += 3 * kFloat * tensor::largest_block_scores(attention, tensor::kMaxScoreArray);
  }
  // The outputs of heads, as activations and as floats.
  const std::uint64_t head = (outputs.colbert ? 3 : 2) * states * (memory.number_bytes + kFloat);
  return std::max(layer, head) + kScratch;
}

}  // namespace

std::uint64_t pass_bytes(const Config& config, std::uint64_t tokens, const Outputs& outputs,
                         const tensor::MemoryModel& memory) {
  if (memory.graph) return graph_pass_bytes(config, tokens, outputs, memory);
  const auto hidden_size = static_cast<std::uint64_t>(config.hidden_size);
  const auto intermediate_size = static_cast<std::uint64_t>(config.intermediate_size);
  const std::uint64_t states = tokens * hidden_size * kFloat;
  const std::uint64_t rows = std::min<std::uint64_t>(tokens, kFeedForwardRows);
  // x, queries, keys, values and the result of attention.
  const std::uint64_t attention = 5 * states;
  // x before and after attention, and the output; in a block of rows the widest activation, its
  // product and their sum.
  const std::uint64_t feed_forward =
      (tokens > rows ? 3 : 2) * states + rows * (intermediate_size + 2 * hidden_size) * kFloat;
  const std::uint64_t head = outputs.colbert ? 3 * states : states;
  const std::uint64_t arrays = std::max({attention, feed_forward, head});
  // Rows of activations as integers: 8-bit ones if the CPU has VNNI, with keys and values in 8 bits
  // and their scales, otherwise 16-bit ones.
  const std::uint64_t numbers =
      std::min<std::uint64_t>(tokens, tensor::cpu::kMaxIntegerRows) * intermediate_size;
  const std::uint64_t integers =
      std::max(tokens * hidden_size * 2 + states / 16 + numbers * 9 / 8, numbers * 17 / 8);
  // The pool reuses freed blocks of equal size, so at most five arrays of all rows exist (with the
  // codes of their embeddings), and the arrays of a block of rows.
  const std::uint64_t ever_taken =
      11 * states / 2 + rows * (intermediate_size + (tokens > rows ? 2 * hidden_size : 0)) * kFloat;
  return std::min(arrays + tensor::cpu::ArrayPool::most_kept(arrays), ever_taken) + integers +
         kScratch;
}

std::uint64_t encoding_bytes(const Config& config, std::uint64_t texts, std::uint64_t tokens,
                             const Outputs& outputs) {
  const auto vector = static_cast<std::uint64_t>(config.hidden_size) * kFloat;
  std::uint64_t bytes = tokens * sizeof(std::int32_t);
  if (outputs.dense) {
    bytes += texts * static_cast<std::uint64_t>(config.dense_size()) * kFloat;
  }
  if (outputs.sparse) bytes += tokens * kMapNode;
  if (outputs.colbert) bytes += tokens * vector;
  return bytes;
}

std::uint64_t weight_bytes(const Config& config) {
  const auto hidden_size = static_cast<std::uint64_t>(config.hidden_size);
  const std::uint64_t layer =
      4 * hidden_size * hidden_size +
      2 * hidden_size * static_cast<std::uint64_t>(config.intermediate_size);
  const std::uint64_t quantized = static_cast<std::uint64_t>(config.num_hidden_layers) * layer +
                                  hidden_size * static_cast<std::uint64_t>(config.vocab_size);
  const std::uint64_t positions =
      hidden_size * static_cast<std::uint64_t>(config.max_position_embeddings);
  return tensor::bytes_of(quantized, config.quantization.of_layer("encoder.layer.0.output.dense")) +
         tensor::bytes_of(positions, {});
}

Config bge_m3() {
  Config config;
  config.hidden_size = 1024;
  config.intermediate_size = 4096;
  config.num_hidden_layers = 24;
  config.num_attention_heads = 16;
  config.vocab_size = 250002;
  config.max_position_embeddings = 8194;
  config.first_position = 2;
  config.quantization =
      tensor::QuantizationConfig(tensor::Quantization{8, tensor::kEncoderGroupSize});
  return config;
}

}  // namespace oko::models::bge_m3
