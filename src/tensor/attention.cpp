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

cpu::AttentionArguments arguments_of(const mx::array& queries, const mx::array& keys, float scale) {
  cpu::AttentionArguments arguments;
  arguments.heads = static_cast<std::size_t>(queries.shape(1));
  arguments.kv_heads = static_cast<std::size_t>(keys.shape(1));
  arguments.head_dim = static_cast<std::size_t>(queries.shape(2));
  arguments.query_stride = arguments.heads * arguments.head_dim;
  arguments.key_stride = arguments.kv_heads * arguments.head_dim;
  arguments.scale = scale;
  return arguments;
}

}  // namespace

KvCache::KvCache(int num_key_value_heads, int head_dim, int reserve)
    : num_key_value_heads_(num_key_value_heads), head_dim_(head_dim), reserve_(reserve) {}

void KvCache::grow(int capacity, mx::Dtype dtype) {
  const auto grown = [&](std::optional<mx::array>& rows) {
    mx::array room = mx::zeros({capacity, num_key_value_heads_, head_dim_}, dtype);
    if (rows && length_ > 0) {
      room = mx::slice_update(room, first_rows(*rows, length_), mx::Shape{0, 0, 0},
                              mx::Shape{length_, num_key_value_heads_, head_dim_});
    }
    rows = room;
  };
  grown(keys_);
  grown(values_);
}

void KvCache::append(const mx::array& keys, const mx::array& values) {
  const int end = length_ + keys.shape(0);
  if (!keys_ || end > keys_->shape(0)) {
    const int wanted = keys_ ? end : std::max(end, reserve_);
    grow((wanted + kGrowthStep - 1) / kGrowthStep * kGrowthStep, keys.dtype());
  }
  const auto write = [&](std::optional<mx::array>& rows, const mx::array& update) {
    // The old array is given up first: as its only holder the update then writes in place.
    const mx::array old = std::move(*rows);
    rows.reset();
    rows = mx::slice_update(old, update, mx::Shape{length_, 0, 0},
                            mx::Shape{end, num_key_value_heads_, head_dim_});
  };
  write(keys_, keys);
  write(values_, values);
  length_ = end;
}

std::size_t KvCache::bytes_per_token() const {
  const std::size_t item = keys_ ? keys_->itemsize() : sizeof(float);
  return 2 * item * static_cast<std::size_t>(num_key_value_heads_ * head_dim_);
}

mx::array causal_attention(const mx::array& queries, const KvCache& cache, float scale) {
  if (on_gpu()) {
    return fused_attention(queries, first_rows(cache.keys(), cache.length()),
                           first_rows(cache.values(), cache.length()), scale, "causal");
  }
  cpu::AttentionArguments arguments = arguments_of(queries, cache.keys(), scale);
  arguments.query_count = static_cast<std::size_t>(queries.shape(0));
  arguments.key_count = static_cast<std::size_t>(cache.length());
  arguments.causal = true;
  return cpu::make_node("CausalAttention", {queries.shape(0), queries.shape(1) * queries.shape(2)},
                        mx::float32, {queries, cache.keys(), cache.values()},
                        [arguments](const std::vector<const void*>& in, void* out) mutable {
                          arguments.queries = static_cast<const float*>(in[0]);
                          arguments.keys = static_cast<const float*>(in[1]);
                          arguments.values = static_cast<const float*>(in[2]);
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
  const cpu::AttentionArguments common = arguments_of(queries, keys, scale);
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
          segment.keys = static_cast<const float*>(in[1]) + first * segment.key_stride;
          segment.values = static_cast<const float*>(in[2]) + first * segment.key_stride;
          segment.output = static_cast<float*>(out) + first * segment.query_stride;
          cpu::attention(segment);
        }
      });
}

}  // namespace oko::tensor
