#pragma once

#include <mlx/array.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/stop_token.h"
#include "tensor/cpu/matmul.h"
#include "tensor/kv_cache.h"

namespace oko::tensor {

namespace mx = mlx::core;

/// Queries up to which MLX runs one kernel a query.
inline constexpr int kMaxVectorQueries = 8;

/// True if MLX's Metal library has one kernel for attention of such heads, without an array of
/// scores (`ScaledDotProductAttention::use_fallback` of MLX 0.32).
bool has_fused_kernel(int head_dim, int queries);

/// The same for this process's device. If false, scores are an array.
bool has_fused_attention(int head_dim, int queries);

/// Scores that one call may compute in MLX's graph (query_blocks.h).
std::uint64_t max_attention_scores(int head_dim, int queries);

/// Causal attention, grouped-query, of tokens of several sequences: tokens cu_seqlens[i] ..
/// cu_seqlens[i + 1] are the last ones of caches[i], which has their keys already, and see all of
/// it up to themselves. queries: (n, heads, head_dim), as `split_heads` makes them ->
/// (n, heads * head_dim). A token's result does not depend on the other sequences. MLX's graph
/// splits long work into blocks and checks `stop` between them; throws kCancelled.
mx::array causal_attention(const mx::array& queries, std::span<const KvCache* const> caches,
                           std::span<const int> cu_seqlens, float scale,
                           const StopToken& stop = {});

/// The same for one sequence.
mx::array causal_attention(const mx::array& queries, const KvCache& cache, float scale,
                           const StopToken& stop = {});

/// Attention inside each segment: tokens cu_seqlens[i] .. cu_seqlens[i + 1] see each other and
/// nothing else. queries, keys, values: (n, heads, head_dim) -> (n, heads * head_dim). cu_seqlens
/// starts with 0 and ends with n. On the CPU Precision::kInt8Activations computes in integers of 8
/// bits if the processor has VNNI (cpu/byte_attention.h); everything else is f32. `stop`: as
/// above.
mx::array segment_attention(const mx::array& queries, const mx::array& keys,
                            const mx::array& values, std::span<const int> cu_seqlens, float scale,
                            cpu::Precision precision, const StopToken& stop = {});

}  // namespace oko::tensor
