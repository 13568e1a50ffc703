#pragma once

#include <mlx/array.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/stop_token.h"
#include "tensor/cpu/kv_rows.h"
#include "tensor/cpu/matmul.h"

namespace oko::tensor {

namespace mx = mlx::core;

/// Keys and values of one decoder layer. Room is preallocated and grown in steps, so that appending
/// a token costs the token's own bytes.
class KvCache {
 public:
  /// Tokens that there is room for when `tokens` are held and `reserve` were foreseen: no more than
  /// those, then steps of 256.
  static constexpr std::uint64_t capacity_for(std::uint64_t tokens, std::uint64_t reserve) {
    constexpr std::uint64_t kStep = 256;
    return tokens <= reserve ? reserve : (tokens + kStep - 1) / kStep * kStep;
  }

  /// `reserve`: tokens to make room for at first use. `type`: how rows are kept on the CPU; on a
  /// GPU they stay in the dtype of the activations.
  KvCache(int num_key_value_heads, int head_dim, int reserve, cpu::KvType type);
  KvCache(KvCache&&) = default;  // not copied: tokens are written in place

  /// Appends keys and values, (n, num_key_value_heads, head_dim) each, as `split_heads` makes them.
  void append(const mx::array& keys, const mx::array& values);

  /// Keeps the first `length` tokens, at most those held.
  void truncate(int length) { length_ = length; }

  int length() const { return length_; }  ///< tokens held
  cpu::KvType type() const { return type_; }
  /// (capacity, num_key_value_heads, head_dim), of which the first `length()` rows are set; kInt8:
  /// (capacity, num_key_value_heads, bytes of a row). In a graph: (1, num_key_value_heads,
  /// capacity, head_dim), as MLX's attention reads them. Tokens must have been appended.
  const mx::array& keys() const { return *keys_; }
  const mx::array& values() const { return *values_; }

  /// Bytes of one token of one layer.
  std::size_t bytes_per_token() const;

 private:
  mx::Shape shape_of(int tokens, mx::Dtype dtype) const;
  std::size_t bytes_of(int tokens) const;  ///< keys or values, on the CPU
  void grow(std::optional<mx::array>& rows, mx::Dtype dtype) const;
  void write(std::optional<mx::array>& rows, const mx::array& update) const;

  int num_key_value_heads_;
  int head_dim_;
  int reserve_;
  cpu::KvType type_;
  int length_ = 0;
  int capacity_ = 0;
  std::optional<mx::array> keys_;
  std::optional<mx::array> values_;
};

/// Queries up to which MLX runs one kernel a query.
inline constexpr int kMaxVectorQueries = 8;

/// Whether MLX's Metal library has one kernel for attention of such heads, without an array of
/// scores (`ScaledDotProductAttention::use_fallback` of MLX 0.32).
bool has_fused_kernel(int head_dim, int queries);

/// The same of this process's device; elsewhere scores are an array.
bool has_fused_attention(int head_dim, int queries);

/// Scores that one call may compute in MLX's graph (query_blocks.h).
std::uint64_t max_attention_scores(int head_dim, int queries);

/// Causal attention of the last n tokens of the cache over all of it, grouped-query.
/// queries: (n, heads, head_dim), as `split_heads` makes them -> (n, heads * head_dim). The
/// tokens' keys are in the cache already. In MLX's graph long work is done in blocks, with `stop`
/// looked at between them; throws kCancelled.
mx::array causal_attention(const mx::array& queries, const KvCache& cache, float scale,
                           const StopToken& stop = {});

/// Attention inside each segment: tokens cu_seqlens[i] .. cu_seqlens[i + 1] see each other and
/// nothing else. queries, keys, values: (n, heads, head_dim) -> (n, heads * head_dim). cu_seqlens
/// starts with 0 and ends with n. On the CPU Precision::kByte computes in integers of 8 bits where
/// the processor likes it (cpu/byte_attention.h); everything else is f32. `stop`: as above.
mx::array segment_attention(const mx::array& queries, const mx::array& keys,
                            const mx::array& values, std::span<const int> cu_seqlens, float scale,
                            cpu::Precision precision, const StopToken& stop = {});

}  // namespace oko::tensor
