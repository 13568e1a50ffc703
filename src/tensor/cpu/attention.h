#pragma once

#include <cstddef>
#include <span>

#include "tensor/cpu/kv_rows.h"

namespace oko::tensor::cpu {

/// Attention of a run of queries over a run of keys, in f32.
struct AttentionArguments {
  /// (query_count, heads, head_dim), rows `query_stride` floats apart.
  const float* queries = nullptr;
  /// (key_count, kv_heads, head_dim) in `kv_type`, tokens `kv_stride` bytes apart.
  const void* keys = nullptr;
  const void* values = nullptr;  ///< as keys
  float* output = nullptr;       ///< (query_count, heads, head_dim), contiguous
  std::size_t query_count = 0;
  std::size_t key_count = 0;
  std::size_t heads = 0;
  std::size_t kv_heads = 0;  ///< divides `heads` (grouped-query attention)
  std::size_t head_dim = 0;  ///< at most 256
  std::size_t query_stride = 0;
  KvType kv_type = KvType::kFloat32;
  std::size_t kv_stride = 0;
  float scale = 1.0f;
  /// Query i sees the keys 0 .. key_count - query_count + i; otherwise all of them.
  bool causal = false;
};

/// softmax(scale · q kᵀ) v without ever holding the matrix of scores: keys pass in blocks under a
/// running maximum and sum (FlashAttention, Dao et al. 2022, arXiv:2205.14135). Memory is
/// O(head_dim) a thread. Queries of all heads that share a key head are worked on together, so that
/// every key is read once for them. All runs are one call of `thread_pool()`; the bits of a run do
/// not depend on the others.
void attention(std::span<const AttentionArguments> runs);
inline void attention(const AttentionArguments& run) {
  attention(std::span(&run, 1));
}

}  // namespace oko::tensor::cpu
