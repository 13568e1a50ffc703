#pragma once

#include <mlx/array.h>

#include <cstdint>
#include <optional>

#include "tensor/cpu/kv_rows.h"

namespace oko::tensor {

namespace mx = mlx::core;

/// Keys and values of one decoder layer. Room is preallocated and grown in steps, so that appending
/// a token costs the token's own bytes.
class KvCache {
 public:
  /// Capacity in tokens: `initial` until it is exceeded, then rounded up to 256.
  static constexpr std::uint64_t capacity_for(std::uint64_t tokens, std::uint64_t initial) {
    constexpr std::uint64_t kStep = 256;
    return tokens <= initial ? initial : (tokens + kStep - 1) / kStep * kStep;
  }

  /// `initial_capacity`: in tokens. `type`: of the rows on the CPU; on a GPU they stay in
  /// the dtype of the activations.
  KvCache(int num_key_value_heads, int head_dim, int initial_capacity, cpu::KvType type);
  KvCache(KvCache&&) = default;  // not copied: tokens are written in place

  /// Appends keys and values, (n, num_key_value_heads, head_dim) each, as `split_heads` makes them.
  void append(const mx::array& keys, const mx::array& values) {
    append(keys, values, 0, keys.shape(0));
  }
  /// Appends only their rows [first, last). After a failed allocation of oko's kernels the tokens
  /// held are as before.
  void append(const mx::array& keys, const mx::array& values, int first, int last);

  /// A copy of the first `length` tokens, at most those held, with room for `extra_capacity` more.
  KvCache clone_prefix(int length, int extra_capacity) const;

  /// Keeps the first `length` tokens, at most those held.
  void truncate(int length);

  int length() const { return length_; }  ///< tokens held
  cpu::KvType type() const { return type_; }
  /// (capacity, num_key_value_heads, head_dim), of which the first `length()` rows are set; kInt8:
  /// (capacity, num_key_value_heads, bytes of a row). In a graph: (1, num_key_value_heads,
  /// capacity, head_dim), as MLX's attention reads them. Tokens must have been appended.
  const mx::array& keys() const { return *keys_; }
  const mx::array& values() const { return *values_; }

  int capacity() const { return capacity_; }  ///< tokens

  /// Bytes of one token of one layer.
  std::size_t bytes_per_token() const;

 private:
  mx::Shape shape_of(int tokens, mx::Dtype dtype) const;
  std::size_t bytes_of(int tokens) const;  ///< keys or values, on the CPU
  mx::array copy_of(const mx::array& rows, int length, int capacity) const;
  void grow(std::optional<mx::array>& rows, int capacity, mx::Dtype dtype) const;
  void write(std::optional<mx::array>& rows, const mx::array& update, int first, int last) const;

  int num_key_value_heads_;
  int head_dim_;
  int initial_capacity_;
  cpu::KvType type_;
  int length_ = 0;
  int capacity_ = 0;
  std::optional<mx::array> keys_;
  std::optional<mx::array> values_;
};

}  // namespace oko::tensor
