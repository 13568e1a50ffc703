#include "tensor/attention.h"

#include <mlx/fast.h>
#include <mlx/mlx.h>

#include <algorithm>

#include "tensor/cpu/attention.h"
#include "tensor/cpu/primitive.h"
#include "tensor/device.h"

namespace oko::tensor {
namespace {

constexpr int kGrowthStep = 256;  // tokens

/// (n, heads, head_dim) -> (1, heads, n, head_dim), as MLX's attention wants it.
mx::array heads_first(const mx::array& x) {
  return mx::expand_dims(mx::transpose(x, {1, 0, 2}), 0);
}

mx::array fused_attention(const mx::array& queries, const mx::array& keys, const mx::array& values,
                          float scale, const char* mask) {
  const mx::array out = mx::fast::scaled_dot_product_attention(
      heads_first(queries), heads_first(keys), heads_first(values), scale, mask);
  return mx::reshape(mx::transpose(mx::squeeze(out, 0), {1, 0, 2}),
                     {queries.shape(0), queries.shape(1) * queries.shape(2)});
}

mx::array first_rows(const mx::array& x, int count) {
  return mx::slice(x, {0, 0, 0}, {count, x.shape(1), x.shape(2)});
}

cpu::AttentionArguments arguments_of(const mx::array& queries, int num_key_value_heads,
                                     cpu::KvType type, float scale) {
  cpu::AttentionArguments arguments;
  arguments.heads = static_cast<std::size_t>(queries.shape(1));
  arguments.kv_heads = static_cast<std::size_t>(num_key_value_heads);
  arguments.head_dim = static_cast<std::size_t>(queries.shape(2));
  arguments.query_stride = arguments.heads * arguments.head_dim;
  arguments.kv_type = type;
  arguments.kv_stride = arguments.kv_heads * cpu::kv_row_bytes(type, arguments.head_dim);
  arguments.scale = scale;
  return arguments;
}

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

}  // namespace

KvCache::KvCache(int num_key_value_heads, int head_dim, int reserve, cpu::KvType type)
    : num_key_value_heads_(num_key_value_heads),
      head_dim_(head_dim),
      reserve_(reserve),
      type_(type) {}

mx::array KvCache::packed(const mx::array& rows) const {
  if (on_gpu()) return rows;
  const mx::Dtype dtype = dtype_of(type_);
  const auto head_dim = static_cast<std::size_t>(head_dim_);
  const auto bytes = static_cast<int>(cpu::kv_row_bytes(type_, head_dim));
  const auto count = static_cast<std::size_t>(rows.shape(0)) * num_key_value_heads_;
  return cpu::make_node(
      "PackKv", {rows.shape(0), num_key_value_heads_, bytes / static_cast<int>(mx::size_of(dtype))},
      dtype, {rows},
      [count, head_dim, type = type_](const std::vector<const void*>& in, void* out) {
        cpu::pack_kv_rows(static_cast<const float*>(in[0]), count, head_dim, type, out);
      });
}

void KvCache::grow(std::optional<mx::array>& rows, int capacity, const mx::array& like) const {
  mx::array room = mx::zeros({capacity, like.shape(1), like.shape(2)}, like.dtype());
  if (rows && length_ > 0) {
    room = mx::slice_update(room, first_rows(*rows, length_), mx::Shape{0, 0, 0},
                            mx::Shape{length_, like.shape(1), like.shape(2)});
  }
  rows = room;
}

void KvCache::write(std::optional<mx::array>& rows, const mx::array& update) const {
  // The old array is given up first: as its only holder the update then writes in place.
  const mx::array old = std::move(*rows);
  rows.reset();
  rows = mx::slice_update(old, update, mx::Shape{length_, 0, 0},
                          mx::Shape{length_ + update.shape(0), update.shape(1), update.shape(2)});
}

void KvCache::append(const mx::array& keys, const mx::array& values) {
  const int end = length_ + keys.shape(0);
  const mx::array new_keys = packed(keys), new_values = packed(values);
  if (!keys_ || end > keys_->shape(0)) {
    const int wanted = keys_ ? end : std::max(end, reserve_);
    const int capacity = (wanted + kGrowthStep - 1) / kGrowthStep * kGrowthStep;
    grow(keys_, capacity, new_keys);
    grow(values_, capacity, new_values);
  }
  write(keys_, new_keys);
  write(values_, new_values);
  length_ = end;
}

std::size_t KvCache::bytes_per_token() const {
  const auto head_dim = static_cast<std::size_t>(head_dim_);
  const std::size_t row =
      keys_ && on_gpu() ? keys_->itemsize() * head_dim : cpu::kv_row_bytes(type_, head_dim);
  return 2 * static_cast<std::size_t>(num_key_value_heads_) * row;
}

mx::array causal_attention(const mx::array& queries, const KvCache& cache, float scale) {
  if (on_gpu()) {
    return fused_attention(queries, first_rows(cache.keys(), cache.length()),
                           first_rows(cache.values(), cache.length()), scale, "causal");
  }
  cpu::AttentionArguments arguments =
      arguments_of(queries, cache.keys().shape(1), cache.type(), scale);
  arguments.query_count = static_cast<std::size_t>(queries.shape(0));
  arguments.key_count = static_cast<std::size_t>(cache.length());
  arguments.causal = true;
  return cpu::make_node("CausalAttention", {queries.shape(0), queries.shape(1) * queries.shape(2)},
                        mx::float32, {queries, cache.keys(), cache.values()},
                        [arguments](const std::vector<const void*>& in, void* out) mutable {
                          arguments.queries = static_cast<const float*>(in[0]);
                          arguments.keys = in[1];
                          arguments.values = in[2];
                          arguments.output = static_cast<float*>(out);
                          cpu::attention(arguments);
                        });
}

mx::array segment_attention(const mx::array& queries, const mx::array& keys,
                            const mx::array& values, std::span<const int> cu_seqlens, float scale) {
  if (on_gpu()) {
    std::vector<mx::array> parts;
    for (std::size_t i = 0; i + 1 < cu_seqlens.size(); ++i) {
      const auto segment = [&](const mx::array& x) {
        return mx::slice(x, {cu_seqlens[i], 0, 0}, {cu_seqlens[i + 1], x.shape(1), x.shape(2)});
      };
      parts.push_back(fused_attention(segment(queries), segment(keys), segment(values), scale, ""));
    }
    return mx::concatenate(parts, 0);
  }
  const cpu::AttentionArguments common =
      arguments_of(queries, keys.shape(1), cpu::KvType::kFloat32, scale);
  return cpu::make_node(
      "SegmentAttention", {queries.shape(0), queries.shape(1) * queries.shape(2)}, mx::float32,
      {queries, keys, values},
      [common, bounds = std::vector<int>(cu_seqlens.begin(), cu_seqlens.end())](
          const std::vector<const void*>& in, void* out) {
        for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
          cpu::AttentionArguments segment = common;
          const auto first = static_cast<std::size_t>(bounds[i]);
          segment.query_count = static_cast<std::size_t>(bounds[i + 1]) - first;
          segment.key_count = segment.query_count;
          segment.queries = static_cast<const float*>(in[0]) + first * segment.query_stride;
          segment.keys = static_cast<const std::byte*>(in[1]) + first * segment.kv_stride;
          segment.values = static_cast<const std::byte*>(in[2]) + first * segment.kv_stride;
          segment.output = static_cast<float*>(out) + first * segment.query_stride;
          cpu::attention(segment);
        }
      });
}

}  // namespace oko::tensor
