#pragma once

#include <cstddef>
#include <span>

namespace oko::tensor::cpu {

/// Attention of texts that stand one after the other, each over itself.
struct ByteAttentionArguments {
  const float* queries = nullptr;   ///< (n, heads, head_dim), contiguous
  const float* keys = nullptr;      ///< as queries
  const float* values = nullptr;    ///< as queries
  float* output = nullptr;          ///< as queries
  std::span<const int> cu_seqlens;  ///< 0, ends of the texts, ..., n
  std::size_t heads = 0;
  std::size_t head_dim = 0;
  float scale = 1.0f;
};

/// True if `byte_attention` runs here: the processor has `vpdpbusd` or dotprod, and rows are whole
/// vectors, at most 256.
bool has_byte_attention(std::size_t head_dim);

/// softmax(scale · q kᵀ) v in integers of 8 bits, keys passing in blocks under a running
/// maximum (FlashAttention, Dao et al. 2022, arXiv:2205.14135). Queries and keys have a scale a
/// row, keys less their mean over the text, which no softmax sees (SageAttention, Zhang et al.
/// 2024, arXiv:2410.02367); values have one a column of a block of keys; weights are 0..255
/// relative to the largest of a query's block, so that one key that draws most of the attention
/// costs the others nothing. A text's result does not depend on the texts next to it. NaN in gives
/// NaN out. AMX, where it is, changes no bit. Runs on `thread_pool()`.
void byte_attention(const ByteAttentionArguments& arguments);

}  // namespace oko::tensor::cpu
