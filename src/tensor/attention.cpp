#include "tensor/attention.h"

#include <mlx/array.h>
#include <mlx/fast.h>
#include <mlx/ops.h>
#include <mlx/transforms.h>

#include <algorithm>

#include "base/error.h"
#include "tensor/cpu/attention.h"
#include "tensor/cpu/byte_attention.h"
#include "tensor/cpu/materialized.h"
#include "tensor/device.h"
#include "tensor/query_blocks.h"

namespace oko::tensor {
namespace {

/// Rows of (n, heads, head_dim) -> (1, heads, rows, head_dim), the layout of MLX's attention.
mx::array heads_first(const mx::array& x, int first, int last) {
  const mx::array rows = mx::slice(x, {first, 0, 0}, {last, x.shape(1), x.shape(2)});
  return mx::expand_dims(mx::transpose(rows, {1, 0, 2}), 0);
}

/// (n, heads, 1, head_dim) -> (1, heads, n, head_dim). Both are the same for one token.
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

/// Attention by MLX, in blocks that bound the time of a kernel. Evaluates several blocks one by
/// one, so that `stop` is checked.
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

}  // namespace

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

mx::array causal_attention(const mx::array& queries, std::span<const KvCache* const> caches,
                           std::span<const int> cu_seqlens, float scale, const StopToken& stop) {
  if (uses_graph()) {
    const mx::array tokens = tokens_inside(queries);
    std::vector<mx::array> parts;
    for (std::size_t i = 0; i < caches.size(); ++i) {
      const KvCache& cache = *caches[i];
      const mx::array own =
          caches.size() == 1 ? tokens : tokens_of(tokens, cu_seqlens[i], cu_seqlens[i + 1]);
      parts.push_back(graph_attention(own, first_tokens(cache.keys(), cache.length()),
                                      first_tokens(cache.values(), cache.length()), scale,
                                      /*causal=*/true, stop));
    }
    return parts.size() == 1 ? parts.front() : mx::concatenate(parts, 0);
  }
  const mx::array input = cpu::materialized_f32(queries);
  mx::array out = cpu::uninitialized({queries.shape(0), queries.shape(1) * queries.shape(2)});
  std::vector<cpu::AttentionArguments> runs;
  for (std::size_t i = 0; i < caches.size(); ++i) {
    const KvCache& cache = *caches[i];
    cpu::AttentionArguments run = arguments_of(queries, cache.keys().shape(1), cache.type(), scale);
    const auto first = static_cast<std::size_t>(cu_seqlens[i]);
    run.query_count = static_cast<std::size_t>(cu_seqlens[i + 1]) - first;
    run.key_count = static_cast<std::size_t>(cache.length());
    run.causal = true;
    run.queries = input.data<float>() + first * run.query_stride;
    run.keys = cache.keys().data<std::byte>();
    run.values = cache.values().data<std::byte>();
    run.output = out.data<float>() + first * run.query_stride;
    runs.push_back(run);
  }
  cpu::attention(runs);
  return out;
}

mx::array causal_attention(const mx::array& queries, const KvCache& cache, float scale,
                           const StopToken& stop) {
  const KvCache* const caches[] = {&cache};
  const int cu_seqlens[] = {0, queries.shape(0)};
  return causal_attention(queries, caches, cu_seqlens, scale, stop);
}

mx::array segment_attention(const mx::array& queries, const mx::array& keys,
                            const mx::array& values, std::span<const int> cu_seqlens, float scale,
                            cpu::Precision precision, const StopToken& stop) {
  if (uses_graph()) {
    return graph_segments(queries, keys, values, cu_seqlens, scale, stop);
  }
  const mx::array q = cpu::materialized_f32(queries), k = cpu::materialized_f32(keys),
                  v = cpu::materialized_f32(values);
  mx::array out = cpu::uninitialized({queries.shape(0), queries.shape(1) * queries.shape(2)});
  const auto head_dim = static_cast<std::size_t>(queries.shape(2));
  if (precision == cpu::Precision::kInt8Activations &&
      cpu_precision() != cpu::Precision::kFloat32 && cpu::has_byte_attention(head_dim)) {
    cpu::byte_attention({q.data<float>(), k.data<float>(), v.data<float>(), out.data<float>(),
                         cu_seqlens, static_cast<std::size_t>(queries.shape(1)), head_dim, scale});
    return out;
  }
  cpu::AttentionArguments segment =
      arguments_of(queries, keys.shape(1), cpu::KvType::kFloat32, scale);
  std::vector<cpu::AttentionArguments> segments;
  for (std::size_t i = 0; i + 1 < cu_seqlens.size(); ++i) {
    const auto first = static_cast<std::size_t>(cu_seqlens[i]);
    segment.query_count = static_cast<std::size_t>(cu_seqlens[i + 1]) - first;
    segment.key_count = segment.query_count;
    segment.queries = q.data<float>() + first * segment.query_stride;
    segment.keys = k.data<std::byte>() + first * segment.kv_stride;
    segment.values = v.data<std::byte>() + first * segment.kv_stride;
    segment.output = out.data<float>() + first * segment.query_stride;
    segments.push_back(segment);
  }
  cpu::attention(segments);
  return out;
}

}  // namespace oko::tensor
