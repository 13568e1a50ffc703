#include "tensor/kv_cache.h"

#include <mlx/array.h>
#include <mlx/ops.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/error.h"
#include "base/localized_text.h"
#include "tensor/allocator.h"
#include "tensor/cpu/materialized.h"
#include "tensor/device.h"

namespace oko::tensor {
namespace {

mx::Dtype dtype_of(cpu::KvType type) {
  switch (type) {
    case cpu::KvType::kFloat32:
      return mx::float32;
    case cpu::KvType::kFloat16:
      return mx::float16;
    case cpu::KvType::kInt8:
      return mx::uint8;
  }
  return mx::float32;
}

/// Tokens [first, last) of (n, heads, 1, head_dim) -> (1, heads, last - first, head_dim).
mx::array graph_tokens(const mx::array& x, int first, int last) {
  const bool all = first == 0 && last == x.shape(0);
  const mx::array tokens =
      all ? x : mx::slice(x, {first, 0, 0, 0}, {last, x.shape(1), 1, x.shape(3)});
  return tokens.shape(0) == 1 ? tokens : mx::transpose(tokens, {2, 1, 0, 3});
}

}  // namespace

KvCache::KvCache(int num_key_value_heads, int head_dim, int initial_capacity, cpu::KvType type)
    : num_key_value_heads_(num_key_value_heads),
      head_dim_(head_dim),
      initial_capacity_(initial_capacity),
      type_(type) {}

mx::Shape KvCache::shape_of(int tokens, mx::Dtype dtype) const {
  if (uses_graph()) return {1, num_key_value_heads_, tokens, head_dim_};
  const auto bytes = cpu::kv_row_bytes(type_, static_cast<std::size_t>(head_dim_));
  return {tokens, num_key_value_heads_, static_cast<int>(bytes / mx::size_of(dtype))};
}

/// The first `length` tokens of `rows`, with room for `capacity`; evaluated, so that only one layer
/// at a time exists twice.
mx::array KvCache::copy_of(const mx::array& rows, int length, int capacity) const {
  const mx::Dtype dtype = rows.dtype();
  if (uses_graph()) {
    const mx::array held = mx::slice(rows, mx::Shape{0, 0, 0, 0}, shape_of(length, dtype));
    mx::array copy = mx::slice_update(mx::zeros(shape_of(capacity, dtype), dtype), held,
                                      mx::Shape{0, 0, 0, 0}, shape_of(length, dtype));
    copy.eval();
    return copy;
  }
  mx::array copy = cpu::uninitialized(shape_of(capacity, dtype), dtype);
  std::memcpy(copy.data<std::byte>(), rows.data<std::byte>(), bytes_of(length));
  return copy;
}

void KvCache::grow(std::optional<mx::array>& rows, int capacity, mx::Dtype dtype) const {
  if (rows && length_ > 0) {
    rows = copy_of(*rows, length_, capacity);
  } else if (uses_graph()) {
    rows = mx::zeros(shape_of(capacity, dtype), dtype);
  } else {
    rows = cpu::uninitialized(shape_of(capacity, dtype), dtype);
  }
}

void KvCache::write(std::optional<mx::array>& rows, const mx::array& update, int first,
                    int last) const {
  const int end = length_ + last - first;
  if (uses_graph()) {
    // Drop the old array first: the update then is its only holder and writes in place.
    const mx::array old = std::move(*rows);
    rows.reset();
    rows = mx::slice_update(old, graph_tokens(update, first, last), mx::Shape{0, 0, length_, 0},
                            mx::Shape{1, num_key_value_heads_, end, head_dim_});
    return;
  }
  const mx::array input = cpu::materialized_f32(update);
  const auto heads = static_cast<std::size_t>(num_key_value_heads_);
  const auto head_dim = static_cast<std::size_t>(head_dim_);
  const float* from = input.data<float>() + static_cast<std::size_t>(first) * heads * head_dim;
  if (cpu::pack_kv_rows(from, static_cast<std::size_t>(last - first) * heads, head_dim, type_,
                        rows->data<std::byte>() + bytes_of(length_))) {
    return;
  }
  throw Error(ErrorCode::kBadModel,
              tr("a key or value of the model is beyond 65504, the largest number that a KV "
                 "cache of 16 bits keeps",
                 "ключ или значение модели больше 65504 — предела кэша KV в 16 бит"),
              tr("set {} 32", "задайте {} 32", Knob{"kv_bits"}));
}

void KvCache::append(const mx::array& keys, const mx::array& values, int first, int last) {
  const int end = length_ + last - first;
  if (!values_ || end > capacity_) {
    const auto capacity = static_cast<int>(capacity_for(
        static_cast<std::uint64_t>(end), static_cast<std::uint64_t>(initial_capacity_)));
    const mx::Dtype dtype = uses_graph() ? keys.dtype() : dtype_of(type_);
    grow(keys_, capacity, dtype);
    grow(values_, capacity, dtype);
    capacity_ = capacity;  // last: the next call grows again if one of them has failed
    // Free the outgrown buffers of all layers now; nothing else has their size.
    if (length_ > 0) trim_array_pool();
  }
  write(keys_, keys, first, last);
  write(values_, values, first, last);
  length_ = end;
}

void KvCache::truncate(int length) {
  assert(0 <= length && length <= length_);
  length_ = length;
}

KvCache KvCache::clone_prefix(int length, int extra_capacity) const {
  assert(0 <= length && length <= length_);
  KvCache clone(num_key_value_heads_, head_dim_, length + extra_capacity, type_);
  if (length == 0) return clone;
  clone.keys_ = copy_of(*keys_, length, length + extra_capacity);
  clone.values_ = copy_of(*values_, length, length + extra_capacity);
  clone.capacity_ = length + extra_capacity;
  clone.length_ = length;
  return clone;
}

std::size_t KvCache::bytes_of(int tokens) const {
  return static_cast<std::size_t>(tokens) * static_cast<std::size_t>(num_key_value_heads_) *
         cpu::kv_row_bytes(type_, static_cast<std::size_t>(head_dim_));
}

std::size_t KvCache::bytes_per_token() const {
  const auto head_dim = static_cast<std::size_t>(head_dim_);
  const std::size_t row =
      keys_ && uses_graph() ? keys_->itemsize() * head_dim : cpu::kv_row_bytes(type_, head_dim);
  return 2 * static_cast<std::size_t>(num_key_value_heads_) * row;
}

}  // namespace oko::tensor
