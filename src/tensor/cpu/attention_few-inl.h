// Attention of a few queries, as in decoding: vectors run along head_dim. (With many queries they
// run along the queries: attention.cpp.) Included once a Highway target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>
// Math functions build on the same target's vectors.
#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/attention.h"
#include "tensor/cpu/kv_rows-inl.h"

#ifndef OKO_TENSOR_CPU_ATTENTION_FEW_ONCE
#define OKO_TENSOR_CPU_ATTENTION_FEW_ONCE
namespace oko::tensor::cpu {

/// A lane is one query of one head. Enough for 8 tokens of the usual groups of heads: a token's
/// result must not depend on how many are decoded with it.
inline constexpr std::size_t kMaxFewLanes = 64;
inline constexpr std::size_t kMaxHeadDim = 256;
inline constexpr std::size_t kKeyBlock = 48;
inline constexpr std::size_t kPrefetchRows = 8;
/// Floats between the rows of a block of keys or values: an odd number of cache lines, since rows
/// at a power of two would all fall into the same few sets of the first-level cache.
inline constexpr std::size_t kRowStride = kMaxHeadDim + 16;

/// Keys that lane `lane` may see.
inline std::size_t visible_keys(const AttentionArguments& a, std::size_t lane) {
  if (!a.causal) return a.key_count;
  const std::size_t group = a.heads / a.kv_heads;
  return std::min(a.key_count, a.key_count - a.query_count + lane / group + 1);
}

}  // namespace oko::tensor::cpu
#endif

#if defined(OKO_TENSOR_CPU_ATTENTION_FEW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_ATTENTION_FEW_INL_H_
#undef OKO_TENSOR_CPU_ATTENTION_FEW_INL_H_
#else
#define OKO_TENSOR_CPU_ATTENTION_FEW_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// Keys or values of one head from a token on.
struct KvHeadRows {
  KvHeadRows(const AttentionArguments& a, const void* data, std::size_t kv_head, std::size_t first)
      : row_bytes(kv_row_bytes(a.kv_type, a.head_dim)),
        stride(a.kv_stride),
        from(static_cast<const std::uint8_t*>(data) + first * stride + kv_head * row_bytes) {}

  /// Asks for the memory of row k: no processor guesses it, since rows lie apart.
  HWY_INLINE void prefetch(std::size_t k) const {
    for (std::size_t byte = 0; byte < row_bytes; byte += 64) {
      hwy::Prefetch(from + k * stride + byte);
    }
  }

  std::size_t row_bytes;
  std::size_t stride;  ///< bytes from token to token
  const std::uint8_t* from;
};

/// Keys or values [first, first + count) of a head as f32 rows kRowStride apart.
HWY_INLINE void load_kv_block(const AttentionArguments& a, const void* data, std::size_t kv_head,
                              std::size_t first, std::size_t count, float* rows) {
  const KvHeadRows kv(a, data, kv_head, first);
  for (std::size_t k = 0; k < count; ++k) {
    kv.prefetch(k + kPrefetchRows);
    load_kv_row(a.kv_type, kv.from + k * kv.stride, a.head_dim, rows + k * kRowStride);
  }
}

/// The lanes of one key head. head_dim is padded with zeros to `padded`, whole vectors.
struct FewLanes {
  std::size_t lanes = 0;
  std::size_t padded = 0;
  AlignedVector<float> queries;  // (lanes, padded), scaled
  AlignedVector<float> outputs;  // (lanes, padded)
  AlignedVector<float> keys;     // (kKeyBlock, kRowStride)
  AlignedVector<float> values;   // (kKeyBlock, kRowStride)
  AlignedVector<float> scores;   // (lanes, kKeyBlock), then the weights
  float maximum[kMaxFewLanes];
  float sum[kMaxFewLanes];
};

/// The sum of all blocks of 128 bits, halves added until one is left.
template <typename D>
HWY_INLINE hn::Vec<hn::Full128<float>> sum_of_blocks(D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) > 4) {
    const hn::Half<D> half;
    return sum_of_blocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  } else {
    return v;
  }
}

/// The sums of all lanes of a, b, c and e.
HWY_INLINE hn::Vec<hn::Full128<float>> sums_of_lanes(FloatVector a, FloatVector b, FloatVector c,
                                                     FloatVector e) {
  const FloatTag d;
  const hn::Repartition<double, FloatTag> pairs;
  const auto interleaved_sum = [&](FloatVector x, FloatVector y) HWY_ATTR {
    return hn::BitCast(pairs, hn::Add(hn::InterleaveLower(d, x, y), hn::InterleaveUpper(d, x, y)));
  };
  const auto ab = interleaved_sum(a, b), ce = interleaved_sum(c, e);
  const auto blocks = hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, ab, ce)),
                              hn::BitCast(d, hn::InterleaveUpper(pairs, ab, ce)));
  return sum_of_blocks(d, blocks);
}

/// scores[l][k] = query l · key k for kLanes lanes from `lane` on, 4 or 1. Meanwhile the memory of
/// `ahead`, which is read next, is asked for.
template <std::size_t kLanes>
HWY_INLINE void score_keys(std::size_t lane, std::size_t count, const KvHeadRows& ahead,
                           FewLanes& few) {
  const FloatTag d;
  const float* queries = few.queries.data() + lane * few.padded;
  for (std::size_t k = 0; k < count; ++k) {
    const float* key = few.keys.data() + k * kRowStride;
    if (lane == 0) ahead.prefetch(k);
    FloatVector sum[kLanes];
    for (std::size_t l = 0; l < kLanes; ++l) sum[l] = hn::Zero(d);
    for (std::size_t i = 0; i < few.padded; i += hn::Lanes(d)) {
      const auto part = hn::LoadU(d, key + i);
      for (std::size_t l = 0; l < kLanes; ++l) {
        sum[l] = hn::MulAdd(part, hn::LoadU(d, queries + l * few.padded + i), sum[l]);
      }
    }
    constexpr std::size_t kNext = kLanes == 4 ? 1 : 0;  // one lane has the same additions
    alignas(16) float sums[4];
    hn::Store(sums_of_lanes(sum[0], sum[kNext], sum[2 * kNext], sum[3 * kNext]),
              hn::Full128<float>(), sums);
    for (std::size_t l = 0; l < kLanes; ++l) few.scores[(lane + l) * kKeyBlock + k] = sums[l];
  }
}

/// Scores of a lane become weights under the running maximum; what came before is rescaled. Only
/// the first `visible` keys count.
HWY_INLINE void weigh_keys(std::size_t lane, std::size_t visible, FewLanes& few) {
  const FloatTag d;
  float* scores = few.scores.data() + lane * kKeyBlock;
  const float before = few.maximum[lane];
  std::fill(scores + visible, scores + kKeyBlock, -std::numeric_limits<float>::infinity());
  auto largest = hn::Set(d, before);
  for (std::size_t k = 0; k < kKeyBlock; k += hn::Lanes(d)) {
    largest = hn::Max(largest, hn::LoadU(d, scores + k));
  }
  const float maximum = hn::GetLane(hn::MaxOfLanes(d, largest));
  auto total = hn::Zero(d);
  for (std::size_t k = 0; k < kKeyBlock; k += hn::Lanes(d)) {
    const auto weight = hn::Exp(d, hn::Sub(hn::LoadU(d, scores + k), hn::Set(d, maximum)));
    hn::StoreU(weight, d, scores + k);
    total = hn::Add(total, weight);
  }
  const float correction = std::exp(before - maximum);
  few.maximum[lane] = maximum;
  few.sum[lane] = few.sum[lane] * correction + hn::GetLane(hn::SumOfLanes(d, total));
  float* output = few.outputs.data() + lane * few.padded;
  for (std::size_t i = 0; i < few.padded; i += hn::Lanes(d)) {
    hn::StoreU(hn::Mul(hn::LoadU(d, output + i), hn::Set(d, correction)), d, output + i);
  }
}

/// Elements [i, i + kVectors vectors) of outputs[l] += sum over keys of weight · value.
template <std::size_t kLanes, std::size_t kVectors>
HWY_INLINE void add_value_columns(std::size_t lane, std::size_t i, std::size_t count,
                                  const KvHeadRows& ahead, FewLanes& few) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  float* outputs = few.outputs.data() + lane * few.padded + i;
  const float* weights = few.scores.data() + lane * kKeyBlock;
  FloatVector sum[kLanes][kVectors];
  for (std::size_t l = 0; l < kLanes; ++l) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      sum[l][v] = hn::LoadU(d, outputs + l * few.padded + v * lanes);
    }
  }
  for (std::size_t k = 0; k < count; ++k) {
    if (lane == 0 && i == 0) ahead.prefetch(k);
    FloatVector value[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) {
      value[v] = hn::LoadU(d, few.values.data() + k * kRowStride + i + v * lanes);
    }
    for (std::size_t l = 0; l < kLanes; ++l) {
      const auto weight = hn::Set(d, weights[l * kKeyBlock + k]);
      for (std::size_t v = 0; v < kVectors; ++v) {
        sum[l][v] = hn::MulAdd(weight, value[v], sum[l][v]);
      }
    }
  }
  for (std::size_t l = 0; l < kLanes; ++l) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(sum[l][v], d, outputs + l * few.padded + v * lanes);
    }
  }
}

/// outputs[l] += sum over keys of weight · value for kLanes lanes from `lane` on; `ahead` as above.
template <std::size_t kLanes>
HWY_INLINE void add_few_values(std::size_t lane, std::size_t count, const KvHeadRows& ahead,
                               FewLanes& few) {
  constexpr std::size_t kVectors = 2;  // as many sums as hide how long one takes
  const std::size_t lanes = hn::Lanes(FloatTag());
  std::size_t i = 0;
  for (; i + kVectors * lanes <= few.padded; i += kVectors * lanes) {
    add_value_columns<kLanes, kVectors>(lane, i, count, ahead, few);
  }
  for (; i < few.padded; i += lanes) add_value_columns<kLanes, 1>(lane, i, count, ahead, few);
}

/// Calls body.operator()<n>(lane) for all lanes, 4 at a time, the rest one by one.
template <typename Body>
HWY_INLINE void for_lanes(std::size_t lanes, Body body) {
  std::size_t lane = 0;
  for (; lane + 4 <= lanes; lane += 4) body.template operator()<4>(lane);
  for (; lane < lanes; ++lane) body.template operator()<1>(lane);
}

/// All queries of the heads that share `kv_head`: at most kMaxFewLanes.
inline void attend_few_lanes(const AttentionArguments& a, std::size_t kv_head) {
  const FloatTag d;
  const std::size_t group = a.heads / a.kv_heads;
  thread_local FewLanes few;
  few.lanes = a.query_count * group;
  few.padded = (a.head_dim + hn::Lanes(d) - 1) / hn::Lanes(d) * hn::Lanes(d);
  few.queries.assign(few.lanes * few.padded, 0.0f);
  few.outputs.assign(few.lanes * few.padded, 0.0f);
  few.keys.resize(kKeyBlock * kRowStride);
  few.values.resize(kKeyBlock * kRowStride);
  for (std::size_t k = 0; k < kKeyBlock && few.padded > a.head_dim; ++k) {
    for (auto* rows : {&few.keys, &few.values}) {
      std::fill_n(rows->data() + k * kRowStride + a.head_dim, few.padded - a.head_dim, 0.0f);
    }
  }
  few.scores.resize(few.lanes * kKeyBlock);
  std::fill_n(few.maximum, few.lanes, std::numeric_limits<float>::lowest());
  std::fill_n(few.sum, few.lanes, 0.0f);
  for (std::size_t l = 0; l < few.lanes; ++l) {
    const std::size_t head = kv_head * group + l % group;
    const float* query = a.queries + l / group * a.query_stride + head * a.head_dim;
    float* scaled = few.queries.data() + l * few.padded;
    for (std::size_t i = 0; i < a.head_dim; ++i) scaled[i] = query[i] * a.scale;
  }
  const std::size_t key_count = visible_keys(a, few.lanes - 1);
  for (std::size_t key = 0; key < key_count; key += kKeyBlock) {
    const std::size_t count = std::min(kKeyBlock, key_count - key);
    const KvHeadRows values(a, a.values, kv_head, key);
    const KvHeadRows next_keys(a, a.keys, kv_head, key + count);
    load_kv_block(a, a.keys, kv_head, key, count, few.keys.data());
    for_lanes(few.lanes, [&]<std::size_t kLanes>(std::size_t lane)
                             HWY_ATTR { score_keys<kLanes>(lane, count, values, few); });
    load_kv_block(a, a.values, kv_head, key, count, few.values.data());
    for (std::size_t l = 0; l < few.lanes; ++l) {
      const std::size_t visible = visible_keys(a, l);
      weigh_keys(l, visible > key ? std::min(count, visible - key) : 0, few);
    }
    for_lanes(few.lanes, [&]<std::size_t kLanes>(std::size_t lane)
                             HWY_ATTR { add_few_values<kLanes>(lane, count, next_keys, few); });
  }
  for (std::size_t l = 0; l < few.lanes; ++l) {
    const std::size_t head = kv_head * group + l % group;
    float* out = a.output + (l / group * a.heads + head) * a.head_dim;
    const float* sums = few.outputs.data() + l * few.padded;
    for (std::size_t i = 0; i < a.head_dim; ++i) out[i] = sums[i] / few.sum[l];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
