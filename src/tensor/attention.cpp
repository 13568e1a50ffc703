#include "tensor/attention.h"

#include <mlx/array.h>
#include <mlx/fast.h>
#include <mlx/ops.h>
#include <mlx/transforms.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/language.h"
#include "tensor/allocator.h"
#include "tensor/cpu/attention.h"
#include "tensor/cpu/byte_attention.h"
#include "tensor/cpu/ready.h"
#include "tensor/device.h"
#include "tensor/query_blocks.h"

namespace oko::tensor {
namespace {

/// Rows of (n, heads, head_dim) -> (1, heads, rows, head_dim), as MLX's attention wants them.
mx::array heads_first(const mx::array& x, int first, int last) {
  const mx::array rows = mx::slice(x, {first, 0, 0}, {last, x.shape(1), x.shape(2)});
  return mx::expand_dims(mx::transpose(rows, {1, 0, 2}), 0);
}

/// (n, heads, 1, head_dim) -> (1, heads, n, head_dim). One token is both.
mx::array tokens_inside(const mx::array& x) {
  return x.shape(0) == 1 ? x : mx::transpose(x, {2, 1, 0, 3});
}

/// Tokens of (1, heads, n, head_dim).
mx::array tokens_of(const mx::array& x, int first, int last) {
  return mx::slice(x, {0, 0, first, 0}, {1, x.shape(1), last, x.shape(3)});
}

mx::array first_tokens(const mx::array& x, int count) {
  return tokens_of(x, 0, count);
}

/// (1, heads, n, head_dim) each -> (n, heads * head_dim).
mx::array fused_attention(const mx::array& queries, const mx::array& keys, const mx::array& values,
                          float scale, bool causal) {
  const int count = queries.shape(2);
  // The last token sees all of the cache: it needs no mask.
  const mx::array out = mx::fast::scaled_dot_product_attention(queries, keys, values, scale,
                                                               causal && count > 1 ? "causal" : "");
  return mx::reshape(count == 1 ? out : mx::transpose(out, {0, 2, 1, 3}),
                     {count, queries.shape(1) * queries.shape(3)});
}

/// Attention by MLX, in blocks that no kernel runs long for. Several blocks are evaluated one by
/// one, so that `stop` is seen.
mx::array graph_attention(const mx::array& queries, const mx::array& keys, const mx::array& values,
                          float scale, bool causal, const StopToken& stop) {
  const AttentionShape shape{queries.shape(2), keys.shape(2), queries.shape(1), causal};
  const std::vector<QueryBlock> blocks =
      query_blocks(shape, max_attention_scores(queries.shape(3), queries.shape(2)));
  if (blocks.size() == 1) return fused_attention(queries, keys, values, scale, causal);
  std::vector<mx::array> parts;
  for (const QueryBlock& block : blocks) {
    throw_if_stopped(stop);
    parts.push_back(fused_attention(tokens_of(queries, block.first, block.last),
                                    first_tokens(keys, block.keys),
                                    first_tokens(values, block.keys), scale, causal));
    parts.back().eval();
  }
  return mx::concatenate(parts, 0);
}

mx::array graph_segments(const mx::array& queries, const mx::array& keys, const mx::array& values,
                         std::span<const int> cu_seqlens, float scale, const StopToken& stop) {
  std::vector<mx::array> parts;
  std::uint64_t pending = 0;  // scores in arrays, of segments that are not evaluated
  for (std::size_t i = 0; i + 1 < cu_seqlens.size(); ++i) {
    const int length = cu_seqlens[i + 1] - cu_seqlens[i];
    if (!has_fused_attention(queries.shape(2), length)) {
      const AttentionShape shape{length, length, queries.shape(1)};
      const std::uint64_t scores = largest_block_scores(shape, kMaxScoreArray);
      if (pending > 0 && pending + scores > kMaxScoreArray) {
        mx::eval(parts);
        pending = 0;
      }
      pending += scores;
    }
    const auto segment = [&](const mx::array& x) {
      return heads_first(x, cu_seqlens[i], cu_seqlens[i + 1]);
    };
    parts.push_back(graph_attention(segment(queries), segment(keys), segment(values), scale,
                                    /*causal=*/false, stop));
  }
  return parts.size() == 1 ? parts.front() : mx::concatenate(parts, 0);
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

mx::Shape KvCache::shape_of(int tokens, mx::Dtype dtype) const {
  if (uses_graph()) return {1, num_key_value_heads_, tokens, head_dim_};
  const auto bytes = cpu::kv_row_bytes(type_, static_cast<std::size_t>(head_dim_));
  return {tokens, num_key_value_heads_, static_cast<int>(bytes / mx::size_of(dtype))};
}

void KvCache::grow(std::optional<mx::array>& rows, mx::Dtype dtype) const {
  mx::array room = uses_graph() ? mx::zeros(shape_of(capacity_, dtype), dtype)
                                : cpu::uninitialized(shape_of(capacity_, dtype), dtype);
  if (rows && length_ > 0) {
    if (uses_graph()) {
      room = mx::slice_update(room, first_tokens(*rows, length_), mx::Shape{0, 0, 0, 0},
                              shape_of(length_, dtype));
      room.eval();  // one layer at a time is there twice, not all
    } else {
      std::memcpy(room.data<std::byte>(), rows->data<std::byte>(), bytes_of(length_));
    }
  }
  rows = room;
}

void KvCache::write(std::optional<mx::array>& rows, const mx::array& update) const {
  if (!uses_graph()) {
    const mx::array input = cpu::ready_f32(update);
    const auto count =
        static_cast<std::size_t>(update.shape(0)) * static_cast<std::size_t>(num_key_value_heads_);
    if (!cpu::pack_kv_rows(input.data<float>(), count, static_cast<std::size_t>(head_dim_), type_,
                           rows->data<std::byte>() + bytes_of(length_))) {
      throw Error(ErrorCode::kBadModel,
                  tr("a key or value of the model is beyond 65504, the largest number that a KV "
                     "cache of 16 bits keeps",
                     "ключ или значение модели больше 65504 — предела кэша KV в 16 бит"),
                  tr("set --kv-bits 32", "задайте --kv-bits 32"));
    }
    return;
  }
  // The old array is given up first: as its only holder the update then writes in place.
  const mx::array old = std::move(*rows);
  rows.reset();
  rows = mx::slice_update(old, tokens_inside(update), mx::Shape{0, 0, length_, 0},
                          mx::Shape{1, num_key_value_heads_, length_ + update.shape(0), head_dim_});
}

void KvCache::append(const mx::array& keys, const mx::array& values) {
  const int end = length_ + keys.shape(0);
  if (!keys_ || end > capacity_) {
    capacity_ = static_cast<int>(
        capacity_for(static_cast<std::uint64_t>(end), static_cast<std::uint64_t>(reserve_)));
    const mx::Dtype dtype = uses_graph() ? keys.dtype() : dtype_of(type_);
    grow(keys_, dtype);
    grow(values_, dtype);
    // The smaller ones are of no use to anybody, and those of all layers are many.
    if (length_ > 0) release_kept_memory();
  }
  write(keys_, keys);
  write(values_, values);
  length_ = end;
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

bool has_fused_kernel(int head_dim, int queries) {
  if (head_dim == 64 || head_dim == 96 || head_dim == 128) return true;
  return queries > kMaxVectorQueries && (head_dim == 72 || head_dim == 80);
}

bool has_fused_attention(int head_dim, int queries) {
  return on_gpu() && has_fused_kernel(head_dim, queries);
}

std::uint64_t max_attention_scores(int head_dim, int queries) {
  return has_fused_attention(head_dim, queries) ? kMaxFusedScores : kMaxScoreArray;
}

mx::array causal_attention(const mx::array& queries, const KvCache& cache, float scale,
                           const StopToken& stop) {
  if (uses_graph()) {
    return graph_attention(tokens_inside(queries), first_tokens(cache.keys(), cache.length()),
                           first_tokens(cache.values(), cache.length()), scale, /*causal=*/true,
                           stop);
  }
  cpu::AttentionArguments arguments =
      arguments_of(queries, cache.keys().shape(1), cache.type(), scale);
  arguments.query_count = static_cast<std::size_t>(queries.shape(0));
  arguments.key_count = static_cast<std::size_t>(cache.length());
  arguments.causal = true;
  const mx::array input = cpu::ready_f32(queries);
  mx::array out = cpu::uninitialized({queries.shape(0), queries.shape(1) * queries.shape(2)});
  arguments.queries = input.data<float>();
  arguments.keys = cache.keys().data<std::byte>();
  arguments.values = cache.values().data<std::byte>();
  arguments.output = out.data<float>();
  cpu::attention(arguments);
  return out;
}

mx::array segment_attention(const mx::array& queries, const mx::array& keys,
                            const mx::array& values, std::span<const int> cu_seqlens, float scale,
                            cpu::Precision precision, const StopToken& stop) {
  if (uses_graph()) {
    return graph_segments(queries, keys, values, cu_seqlens, scale, stop);
  }
  const mx::array q = cpu::ready_f32(queries), k = cpu::ready_f32(keys), v = cpu::ready_f32(values);
  mx::array out = cpu::uninitialized({queries.shape(0), queries.shape(1) * queries.shape(2)});
  const auto head_dim = static_cast<std::size_t>(queries.shape(2));
  if (precision == cpu::Precision::kByte && cpu_precision() != cpu::Precision::kFloat &&
      cpu::has_byte_attention(head_dim)) {
    cpu::byte_attention({q.data<float>(), k.data<float>(), v.data<float>(), out.data<float>(),
                         cu_seqlens, static_cast<std::size_t>(queries.shape(1)), head_dim, scale});
    return out;
  }
  cpu::AttentionArguments segment =
      arguments_of(queries, keys.shape(1), cpu::KvType::kFloat32, scale);
  for (std::size_t i = 0; i + 1 < cu_seqlens.size(); ++i) {
    const auto first = static_cast<std::size_t>(cu_seqlens[i]);
    segment.query_count = static_cast<std::size_t>(cu_seqlens[i + 1]) - first;
    segment.key_count = segment.query_count;
    segment.queries = q.data<float>() + first * segment.query_stride;
    segment.keys = k.data<std::byte>() + first * segment.kv_stride;
    segment.values = v.data<std::byte>() + first * segment.kv_stride;
    segment.output = out.data<float>() + first * segment.query_stride;
    cpu::attention(segment);
  }
  return out;
}

}  // namespace oko::tensor
