#include "tensor/cpu/byte_attention.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/amx.h"
#include "tensor/cpu/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/byte_attention.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Math functions build on the same target's vectors.
#include <hwy/contrib/math/math-inl.h>

#include "tensor/cpu/amx-inl.h"
#include "tensor/cpu/arm_bytes-inl.h"
#include "tensor/cpu/byte_keys-inl.h"
#include "tensor/cpu/integer_tiles-inl.h"
#include "tensor/cpu/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

using WordTag = hn::RebindToUnsigned<SumTag>;
constexpr float kLog2E = 1.44269504f;
constexpr float kLn2 = 0.693147181f;

/// What bytes of queries have on top: those of Arm are signed.
constexpr int kQueryZero = kHasArmDot ? 0 : 128;

/// Queries of one head, one a 32-bit lane.
struct ByteLanes {
  std::size_t count = 0;                    ///< in use
  AlignedVector<std::uint8_t> rows;         ///< (count, head_dim), as q + kQueryZero
  AlignedVector<std::uint32_t> words;       ///< the same transposed: (head_dim / 4, width)
  AlignedVector<float> scales;              ///< (width): of a query, times log2(e) · scale
  AlignedVector<float> scores;              ///< (kByteKeys, width), to be multiplied by `scales`
  AlignedVector<std::uint32_t> weights;     ///< (kByteKeys / 4, width): a word is 4 keys
  AlignedVector<std::int32_t> weight_sums;  ///< (width), of a block
  AlignedVector<float> output;              ///< (head_dim, width)
  AlignedVector<float> maximum;             ///< (width), of all scores so far, in powers of 2
  AlignedVector<float> block_maximum;       ///< (width), of the block's `scores`
  AlignedVector<float> sum;                 ///< (width), of weights
  AlignedVector<float> correction;  ///< (width): what was summed before meets the new maximum
  AlignedVector<float> factor;      ///< (width): so does the block
};

void load_lanes(const ByteAttentionArguments& a, std::size_t first, std::size_t head,
                std::size_t width, ByteLanes& lanes) {
  lanes.rows.resize(width * a.head_dim);
  lanes.words.assign(width * a.head_dim / 4, 0);
  lanes.scales.assign(width, 0.0f);
  for (std::size_t l = 0; l < lanes.count; ++l) {
    const float* query = a.queries + ((first + l) * a.heads + head) * a.head_dim;
    const RoundedBytes rounded =
        round_bytes(query, a.head_dim, kByteLimit, kQueryZero, lanes.rows.data() + l * a.head_dim);
    lanes.scales[l] = kLog2E * a.scale * rounded.scale;
  }
  transpose_rows(lanes.rows.data(), lanes.count, a.head_dim, a.head_dim / 4, width,
                 lanes.words.data());
  lanes.scores.resize(kByteKeys * width);
  lanes.weights.resize(kByteKeys / 4 * width);
  lanes.weight_sums.resize(width);
  lanes.output.assign(a.head_dim * width, 0.0f);
  // Finite: no lane computes inf - inf.
  lanes.maximum.assign(width, std::numeric_limits<float>::lowest());
  lanes.sum.assign(width, 0.0f);
  for (auto* each : {&lanes.block_maximum, &lanes.correction, &lanes.factor}) each->resize(width);
}

/// sum + the four bytes of each word.
HWY_INLINE SumVector add_weights(SumVector sum, SumVector words) {
#if HWY_TARGET == HWY_NEON
  const uint32x4_t fours = vpaddlq_u16(vpaddlq_u8(vreinterpretq_u8_s32(words.raw)));
  return hn::Add(sum, SumVector(vreinterpretq_s32_u32(fours)));
#else
  return add_byte_dot(sum, words, hn::Set(SumTag(), 0x01010101));
#endif
}

/// What a vector of sums of values begins with: Arm's bytes of values have 128 on top.
HWY_INLINE SumVector first_sum_of_values(const ByteLanes& lanes, std::size_t vector) {
  const SumTag di;
  if constexpr (!kHasArmDot) return hn::Zero(di);
  const auto sum = hn::Load(di, lanes.weight_sums.data() + vector * hn::Lanes(di));
  return hn::Neg(hn::ShiftLeft<7>(sum));
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

#undef OKO_BYTE_LOOP
#if HWY_TARGET == HWY_NEON
#define OKO_BYTE_LOOP HWY_NOINLINE OKO_DOT
#else
#define OKO_BYTE_LOOP HWY_INLINE
#endif

/// dot[t] += queries · key t, `head_dim` bytes apart.
template <std::size_t kKeys, std::size_t kVectors>
OKO_BYTE_LOOP void add_key_dots(const std::uint32_t* HWY_RESTRICT words, const std::uint8_t* row,
                                std::size_t head_dim, SumVector (&dot)[kKeys][kVectors]) {
  const SumTag di;
  const hn::RebindToUnsigned<SumTag> du;
  for (const std::uint8_t* end = row + head_dim; row != end; row += 4) {
    SumVector query[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v, words += hn::Lanes(di)) {
      query[v] = hn::BitCast(di, hn::Load(du, words));
    }
    HWY_UNROLL(8)
    for (std::size_t t = 0; t < kKeys; ++t) {
      std::int32_t four;
      std::memcpy(&four, row + t * head_dim, sizeof(four));
      const auto factor = hn::Set(di, four);
      for (std::size_t v = 0; v < kVectors; ++v) {
#if HWY_TARGET == HWY_NEON
        dot[t][v] = add_signed_dot(dot[t][v], query[v], factor);
#else
        dot[t][v] = add_byte_dot(dot[t][v], query[v], factor);
#endif
      }
    }
  }
}

/// dot[t] += weights of `count` keys · column t of `value`, whose rows are head_dim apart.
template <std::size_t kColumns, std::size_t kVectors>
OKO_BYTE_LOOP void add_value_dots(const std::uint32_t* HWY_RESTRICT words,
                                  const std::uint32_t* value, std::size_t head_dim,
                                  std::size_t count, SumVector (&dot)[kColumns][kVectors]) {
  const SumTag di;
  const hn::RebindToUnsigned<SumTag> du;
  for (std::size_t key = 0; key < count; key += 4, value += head_dim) {
    SumVector weight[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v, words += hn::Lanes(di)) {
      weight[v] = hn::BitCast(di, hn::Load(du, words));
    }
    HWY_UNROLL(8)
    for (std::size_t t = 0; t < kColumns; ++t) {
#if HWY_TARGET == HWY_NEON
      const auto four = hn::BitCast(di, hn::Set(du, value[t] ^ 0x80808080u));
#else
      const auto four = hn::BitCast(di, hn::Set(du, value[t]));
#endif
      for (std::size_t v = 0; v < kVectors; ++v) {
#if HWY_TARGET == HWY_NEON
        dot[t][v] = add_unsigned_dot(dot[t][v], weight[v], four);
#else
        dot[t][v] = add_byte_dot(dot[t][v], weight[v], four);
#endif
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// Stores a key's scores with a vector of queries; the larger of them and `largest`.
HWY_INLINE FloatVector store_scores(SumVector dot, float key_scale, FloatVector largest,
                                    float* HWY_RESTRICT scores) {
  const FloatTag d;
  const auto score = hn::Mul(hn::ConvertTo(d, dot), hn::Set(d, key_scale));
  hn::Store(score, d, scores);
  return hn::Max(largest, score);
}

/// Scores of kKeys keys from `key` of a block on, that starts at key `first`.
template <std::size_t kKeys, std::size_t kVectors>
HWY_INLINE void score_byte_keys(const HeadKeys& keys, std::size_t head_dim, std::size_t first,
                                std::size_t key, ByteLanes& lanes) {
  const FloatTag d;
  const SumTag di;
  const std::size_t width = kVectors * hn::Lanes(d);
  SumVector dot[kKeys][kVectors];
  for (std::size_t t = 0; t < kKeys; ++t) {
    const std::int32_t offset = kQueryZero == 0 ? 0 : keys.key_offsets[first + key + t];
    for (auto& sum : dot[t]) sum = hn::Set(di, offset);
  }
  add_key_dots<kKeys, kVectors>(lanes.words.data(), keys.keys + (first + key) * head_dim, head_dim,
                                dot);
  float* scores = lanes.scores.data() + key * width;
  for (std::size_t v = 0; v < kVectors; ++v) {
    float* const maximum = lanes.block_maximum.data() + v * hn::Lanes(d);
    auto largest = hn::Load(d, maximum);
    for (std::size_t t = 0; t < kKeys; ++t) {
      largest = store_scores(dot[t][v], keys.key_scales[first + key + t], largest,
                             scores + t * width + v * hn::Lanes(d));
    }
    hn::Store(largest, d, maximum);
  }
}

/// The same for a block of `count` keys with AMX.
void score_keys_in_tiles(const HeadKeys& keys, std::size_t head_dim, std::size_t first,
                         std::size_t count, std::size_t width, ByteLanes& lanes) {
  const FloatTag d;
  const SumTag di;
  alignas(64) std::int32_t dot[kBlockSums];
  for (std::size_t key = 0; key < count; key += kBlockRows) {
    const std::size_t rows = std::min(kBlockRows, count - key);
    const auto* row = reinterpret_cast<const std::byte*>(keys.keys) + (first + key) * head_dim;
    const std::byte* second = rows > kAmxRows ? row + kAmxRows * head_dim : nullptr;
    for (std::size_t lane = 0; lane < width; lane += kBlockWidth) {
      dot_block<false>({row, second, head_dim}, lanes.words.data() + lane, width, head_dim, dot);
      for (std::size_t v = 0; v < kBlockWidth; v += hn::Lanes(d)) {
        float* const maximum = lanes.block_maximum.data() + lane + v;
        auto largest = hn::Load(d, maximum);
        for (std::size_t t = 0; t < rows; ++t) {
          const std::size_t at = first + key + t;
          const auto sum =
              hn::Add(hn::Load(di, dot + t * kBlockWidth + v), hn::Set(di, keys.key_offsets[at]));
          largest = store_scores(sum, keys.key_scales[at], largest,
                                 lanes.scores.data() + (key + t) * width + lane + v);
        }
        hn::Store(largest, d, maximum);
      }
    }
  }
}

/// 255 · 2^x for x <= 0 as a float whose lowest byte is that, rounded. Wrong by up to 1e-4 of it:
/// a polynomial for the part behind the comma, which is within ± 1/2.
HWY_INLINE hn::Vec<WordTag> byte_exp2(hn::Vec<FloatTag> x) {
  const FloatTag d;
  const WordTag du;
  x = hn::Max(x, hn::Set(d, -16.0f));  // nothing, and far from where exponents end
  const auto shifted = hn::Add(x, hn::Set(d, kRounding));
  const auto rest = hn::Sub(x, hn::Sub(shifted, hn::Set(d, kRounding)));
  auto power = hn::MulAdd(hn::Set(d, 14.0687758f), rest, hn::Set(d, 61.8658427f));
  power = hn::MulAdd(power, rest, hn::Set(d, 176.781552f));
  power = hn::MulAdd(power, rest, hn::Set(d, 254.981658f));
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(du, shifted));
  const auto result = hn::BitCast(d, hn::Add(hn::BitCast(du, power), exponent));
  return hn::BitCast(du, hn::Add(result, hn::Set(d, kRounding)));
}

/// Turns scores of `count` keys into weights relative to the block's maximum, 4 to a word, and
/// rescales the earlier sums to the new maximum.
HWY_INLINE void weigh_byte_keys(std::size_t count, std::size_t lane, std::size_t width,
                                ByteLanes& lanes) {
  const FloatTag d;
  const SumTag di;
  const WordTag du;
  const auto scale = hn::Load(d, lanes.scales.data() + lane);
  const auto largest = hn::Load(d, lanes.block_maximum.data() + lane);
  const float* scores = lanes.scores.data() + lane;
  std::uint32_t* weights = lanes.weights.data() + lane;
  const auto weight = [&](std::size_t key) HWY_ATTR {
    const auto score = hn::Load(d, scores + key * width);
    return byte_exp2(
        hn::Mul(hn::Sub(score, largest), scale));  // of 0 or less, never a rounding more
  };
  auto sum = hn::Zero(di);
  std::size_t key = 0;
  for (; key + 4 <= count; key += 4, weights += width) {
    const auto low = hn::Add(weight(key), hn::ShiftLeft<8>(weight(key + 1)));
    const auto high =
        hn::Add(hn::ShiftLeft<16>(weight(key + 2)), hn::ShiftLeft<24>(weight(key + 3)));
    // All four carry the bits of kRounding above their byte.
    const auto word = hn::Sub(hn::Add(low, high), hn::Set(du, 0x8B400000));
    hn::Store(word, du, weights);
    sum = add_weights(sum, hn::BitCast(di, word));
  }
  if (key < count) {
    auto word = hn::Zero(du);
    for (std::size_t i = count; i-- > key;) {
      word = hn::Or(hn::ShiftLeft<8>(word), hn::And(weight(i), hn::Set(du, 0xFF)));
    }
    hn::Store(word, du, weights);
    sum = add_weights(sum, hn::BitCast(di, word));
  }
  hn::Store(sum, di, lanes.weight_sums.data() + lane);
  const auto block_maximum = hn::Mul(largest, scale);
  const auto before = hn::Load(d, lanes.maximum.data() + lane);
  const auto maximum = hn::Max(before, block_maximum);
  const auto exp2 = [&](auto x) HWY_ATTR { return hn::Exp(d, hn::Mul(x, hn::Set(d, kLn2))); };
  const auto correction = exp2(hn::Sub(before, maximum));
  const auto factor = exp2(hn::Sub(block_maximum, maximum));
  hn::Store(maximum, d, lanes.maximum.data() + lane);
  hn::Store(correction, d, lanes.correction.data() + lane);
  hn::Store(factor, d, lanes.factor.data() + lane);
  const auto total = hn::Mul(hn::Load(d, lanes.sum.data() + lane), correction);
  hn::Store(hn::MulAdd(hn::ConvertTo(d, sum), factor, total), d, lanes.sum.data() + lane);
}

/// Adds a block's sums to those before, both brought to the new maximum.
HWY_INLINE void add_output(SumVector dot, float value_scale, FloatVector correction,
                           FloatVector factor, float* HWY_RESTRICT output) {
  const FloatTag d;
  const auto before = hn::Mul(hn::Load(d, output), correction);
  const auto scale = hn::Mul(factor, hn::Set(d, value_scale));
  hn::Store(hn::MulAdd(hn::ConvertTo(d, dot), scale, before), d, output);
}

/// Adds weights · values of a block for columns [column, column + kColumns) of the output.
template <std::size_t kColumns, std::size_t kVectors>
HWY_INLINE void add_byte_values(const HeadKeys& keys, std::size_t head_dim, std::size_t first,
                                std::size_t count, std::size_t column, ByteLanes& lanes) {
  const FloatTag d;
  const std::size_t width = kVectors * hn::Lanes(d);
  SumVector dot[kColumns][kVectors];
  for (auto& row : dot) {
    for (std::size_t v = 0; v < kVectors; ++v) row[v] = first_sum_of_values(lanes, v);
  }
  add_value_dots<kColumns, kVectors>(
      lanes.weights.data(), keys.values + first / 4 * head_dim + column, head_dim, count, dot);
  const float* scales = keys.value_scales + first / kByteKeys * head_dim + column;
  for (std::size_t v = 0; v < kVectors; ++v) {
    const std::size_t lane = v * hn::Lanes(d);
    const auto correction = hn::Load(d, lanes.correction.data() + lane);
    const auto factor = hn::Load(d, lanes.factor.data() + lane);
    for (std::size_t t = 0; t < kColumns; ++t) {
      add_output(dot[t][v], scales[t], correction, factor,
                 lanes.output.data() + (column + t) * width + lane);
    }
  }
}

/// The same for all columns with AMX. Behind the last key weights are zero, values are anything.
void add_values_in_tiles(const HeadKeys& keys, std::size_t head_dim, std::size_t first,
                         std::size_t count, std::size_t width, ByteLanes& lanes) {
  const FloatTag d;
  const SumTag di;
  constexpr std::size_t kStep = kAmxBytes / 4;
  alignas(64) std::int32_t dot[kBlockSums];
  const std::size_t quads = (count + 3) / 4, stride = quads * sizeof(std::uint32_t);
  std::fill(lanes.weights.data() + quads * width,
            lanes.weights.data() + (quads + kStep - 1) / kStep * kStep * width, 0);
  const auto* values = reinterpret_cast<const std::byte*>(keys.values + first / 4 * head_dim);
  const float* scales = keys.value_scales + first / kByteKeys * head_dim;
  for (std::size_t column = 0; column < head_dim; column += kBlockRows) {
    const std::byte* row = values + column * stride;
    for (std::size_t lane = 0; lane < width; lane += kBlockWidth) {
      dot_block<false>({row, row + kAmxRows * stride, stride}, lanes.weights.data() + lane, width,
                       count, dot);
      for (std::size_t v = 0; v < kBlockWidth; v += hn::Lanes(d)) {
        const auto correction = hn::Load(d, lanes.correction.data() + lane + v);
        const auto factor = hn::Load(d, lanes.factor.data() + lane + v);
        for (std::size_t t = 0; t < kBlockRows; ++t) {
          add_output(hn::Load(di, dot + t * kBlockWidth + v), scales[column + t], correction,
                     factor, lanes.output.data() + (column + t) * width + lane + v);
        }
      }
    }
  }
}

template <std::size_t kVectors>
void attend_bytes(const ByteAttentionArguments& a, const HeadKeys& keys, std::size_t first,
                  std::size_t head, ByteLanes& lanes) {
  const FloatTag d;
  const std::size_t width = kVectors * hn::Lanes(d);
  load_lanes(a, first, head, width, lanes);
  for (std::size_t block = 0; block < keys.count; block += kByteKeys) {
    const std::size_t count = std::min(kByteKeys, keys.count - block);
    std::fill_n(lanes.block_maximum.data(), width, std::numeric_limits<float>::lowest());
    if (keys.in_tiles) {
      score_keys_in_tiles(keys, a.head_dim, block, count, width, lanes);
    } else {
      for_tiles(count, [&](auto rows, std::size_t key) HWY_ATTR {
        score_byte_keys<rows, kVectors>(keys, a.head_dim, block, key, lanes);
      });
    }
    for (std::size_t l = 0; l < width; l += hn::Lanes(d)) weigh_byte_keys(count, l, width, lanes);
    if (keys.in_tiles) {
      add_values_in_tiles(keys, a.head_dim, block, count, width, lanes);
      continue;
    }
    for_tiles(a.head_dim, [&](auto columns, std::size_t column) HWY_ATTR {
      add_byte_values<columns, kVectors>(keys, a.head_dim, block, count, column, lanes);
    });
  }
  // A NaN in a query shows only in its scale.
  for (std::size_t l = 0; l < width; ++l) {
    lanes.sum[l] = 1.0f / lanes.sum[l] + 0.0f * lanes.scales[l];
  }
  for (std::size_t k = 0; k < a.head_dim; ++k) {
    for (std::size_t l = 0; l < width; ++l) lanes.output[k * width + l] *= lanes.sum[l];
  }
  store_columns(lanes.output.data(), width, lanes.count, a.head_dim, [&](std::size_t l) {
    return a.output + ((first + l) * a.heads + head) * a.head_dim;
  });
}

/// Queries of a task.
std::size_t byte_lanes() {
  return panel_rows();
}

/// `count` queries, at most byte_lanes(), from token `first` on.
void attend_byte_lanes(const ByteAttentionArguments& a, const HeadKeys& keys, std::size_t first,
                       std::size_t count, std::size_t head) {
  thread_local ByteLanes lanes;
  lanes.count = count;
  const std::size_t vectors = (count + hn::Lanes(FloatTag()) - 1) / hn::Lanes(FloatTag());
  if (keys.in_tiles) {
    configure_tiles();
    return vectors <= 2 ? attend_bytes<2>(a, keys, first, head, lanes)
                        : attend_bytes<4>(a, keys, first, head, lanes);
  }
  switch (vectors) {
    case 1:
      return attend_bytes<1>(a, keys, first, head, lanes);
    case 2:
      return attend_bytes<2>(a, keys, first, head, lanes);
    case 3:
      return attend_bytes<3>(a, keys, first, head, lanes);
    default:
      return attend_bytes<4>(a, keys, first, head, lanes);
  }
}

/// True if AMX can multiply keys of head_dim numbers: they fill the rows of a tile.
bool fills_tiles(std::size_t head_dim) {
  return kHasAmx && head_dim % kAmxBytes == 0;
}

bool byte_attention_runs(std::size_t head_dim) {
  return (kHasByteDot || uses_arm_dot()) && head_dim <= kMaxByteHeadDim &&
         head_dim % hn::Lanes(FloatTag()) == 0;
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::tensor::cpu {
namespace {

HWY_EXPORT(pack_head);
HWY_EXPORT(byte_lanes);
HWY_EXPORT(attend_byte_lanes);
HWY_EXPORT(byte_attention_runs);
HWY_EXPORT(fills_tiles);

}  // namespace

bool has_byte_attention(std::size_t head_dim) {
  return HWY_DYNAMIC_DISPATCH(byte_attention_runs)(head_dim);
}

void byte_attention(const ByteAttentionArguments& a) {
  const std::size_t texts = a.cu_seqlens.size() - 1;
  const auto start = [&](std::size_t text) { return static_cast<std::size_t>(a.cu_seqlens[text]); };
  const bool in_tiles = uses_amx() && HWY_DYNAMIC_DISPATCH(fills_tiles)(a.head_dim);
  ByteKeys keys(a.cu_seqlens, a.heads, a.head_dim, in_tiles);
  thread_pool().parallel_for(texts * a.heads, [&](std::size_t task) {
    const std::size_t text = task / a.heads, head = task % a.heads;
    if (start(text) == start(text + 1)) return;
    HWY_DYNAMIC_DISPATCH(pack_head)(a, start(text), head, keys.of(text, head));
  });
  // A head's queries follow each other: its keys are in a cache then.
  const std::size_t lanes = HWY_DYNAMIC_DISPATCH(byte_lanes)();
  std::vector<std::size_t> first_task{0};
  for (std::size_t text = 0; text < texts; ++text) {
    const std::size_t runs = (start(text + 1) - start(text) + lanes - 1) / lanes;
    first_task.push_back(first_task.back() + runs * a.heads);
  }
  thread_pool().parallel_for(first_task.back(), [&](std::size_t task) {
    const auto after = std::upper_bound(first_task.begin(), first_task.end(), task);
    const auto text = static_cast<std::size_t>(after - first_task.begin()) - 1;
    const std::size_t of_text = task - first_task[text];
    const std::size_t runs = (first_task[text + 1] - first_task[text]) / a.heads;
    const std::size_t first = start(text) + of_text % runs * lanes;
    HWY_DYNAMIC_DISPATCH(attend_byte_lanes)
    (a, keys.of(text, of_text / runs), first, std::min(lanes, start(text + 1) - first),
     of_text / runs);
  });
}

}  // namespace oko::tensor::cpu
#endif
