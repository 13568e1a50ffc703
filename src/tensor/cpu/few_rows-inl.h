// The product of a few rows of activations with a packed weight. A panel of weight rows is
// transposed as it is read, so that each lane is a weight row and all rows of x share its codes.
// Included once a Highway target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/pair_dot-inl.h"
#include "tensor/cpu/round_group-inl.h"
#include "tensor/cpu/transpose-inl.h"
#include "tensor/cpu/unpack-inl.h"

#if defined(OKO_TENSOR_CPU_FEW_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_FEW_ROWS_INL_H_
#undef OKO_TENSOR_CPU_FEW_ROWS_INL_H_
#else
#define OKO_TENSOR_CPU_FEW_ROWS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// Whether 2 to 8 rows are multiplied by panels. AVX2 has too few registers to gain by it: 8 rows
/// take 6 % longer than in `stream_rows`, 2 rows 20 %.
constexpr bool kHasFewRowsPanels = HWY_TARGET == HWY_AVX3_DL;

using PackedTag = hn::ScalableTag<std::uint32_t>;
using PackedVector = hn::Vec<PackedTag>;

/// Vectors of weight rows in a panel: with 8 rows of x their sums fill half of the registers.
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON
constexpr std::size_t kFewVectors = 2;
#else
constexpr std::size_t kFewVectors = 1;
#endif
constexpr std::size_t kFewLanes = hn::MaxLanes(PackedTag());
constexpr std::size_t kFewWidth = kFewVectors * kFewLanes;  // weight rows of a panel
constexpr std::size_t kMaxGroupWords = 32;                  // of 128 codes of 8 bits
static_assert(kFewLanes <= kMaxGroupWords);

/// How far ahead of the codes memory is asked for, in bytes of each weight row: into the outer
/// caches, and from there into the first one.
constexpr std::size_t kFarRowBytes = std::min<std::size_t>(1024, 16384 / kFewWidth);
constexpr std::size_t kNearRowBytes = kFarRowBytes / 4;

inline std::size_t few_rows_width() {
  return kFewWidth;
}

/// Row `row` of `input` from x.
template <int kBits>
void prepare_few_row(const float* x, std::size_t group_size, std::size_t row, FewRowsInput& input) {
  const hn::CappedTag<std::uint8_t, 16> d;
  // Columns of a word (4 bits: of 8 codes, 8 bits: of 4) in the order of the halves of its shifts.
  constexpr std::uint8_t kOrder4[16] = {0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15};
  constexpr std::uint8_t kOrder8[16] = {0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15};
  const auto order = hn::LoadU(d, kBits == 4 ? kOrder4 : kOrder8);
  alignas(64) std::int16_t q[128];
  alignas(64) std::int32_t pairs[64];
  std::int32_t* to = input.pairs.data() + row;
  for (std::size_t g = 0; g < input.groups; ++g, x += group_size) {
    const std::size_t at = g * input.padded_rows + row;
    input.sums[at] = group_sum(x, group_size);
    input.scales[at] = round_group(x, group_size, kLimit, q);
    for (std::size_t j = 0; j < group_size; j += 8) {
      const auto columns = hn::Load(d, reinterpret_cast<const std::uint8_t*>(q + j));
      hn::Store(hn::TableLookupBytes(columns, order), d,
                reinterpret_cast<std::uint8_t*>(pairs + j / 2));
    }
    for (std::size_t p = 0; p < group_size / 2; ++p, to += input.padded_rows) *to = pairs[p];
  }
}

/// What a thread keeps of a panel.
struct FewRowsPanel {
  AlignedVector<std::uint32_t> scales;                          ///< f32 (groups, kFewWidth)
  AlignedVector<std::uint32_t> biases;                          ///< f32 (groups, kFewWidth)
  alignas(64) std::uint32_t words[kMaxGroupWords * kFewWidth];  ///< (words, kFewWidth)
  /// (lanes, rows of x, kFewWidth): group g is added to sum g mod lanes, as the kernel of one row
  /// does it, so that both round alike.
  alignas(64) float sums[kFewLanes * kMaxGemvRows * kFewWidth];
};

/// Weight rows [first, first + kFewWidth); what lies behind the last one is read as the last one.
struct FewRowsPlace {
  const WeightMatrix* weight = nullptr;
  std::size_t first = 0;

  std::size_t rows() const { return std::min(kFewWidth, weight->rows - first); }
  std::size_t row(std::size_t r) const { return first + std::min(r, rows() - 1); }
};

/// Pairs of 16-bit scales or biases, (words, kFewLanes), as f32: (groups, kFewWidth).
inline void widen_scales(const std::uint32_t* words, ElementType type, std::size_t groups,
                         std::uint32_t* HWY_RESTRICT to) {
  const PackedTag d;
  const hn::Rebind<std::uint16_t, PackedTag> d16;
  const hn::Rebind<hwy::float16_t, FloatTag> half;
  const auto low = hn::Set(d, 0xFFFF);
  const auto widen = [&](PackedVector bits) HWY_ATTR {
    if (type == ElementType::kBfloat16) return hn::ShiftLeft<16>(bits);
    const auto halves = hn::DemoteTo(d16, hn::BitCast(SumTag(), bits));
    return hn::BitCast(d, hn::PromoteTo(FloatTag(), hn::BitCast(half, halves)));
  };
  for (std::size_t g = 0; g < groups; g += 2, words += kFewLanes, to += 2 * kFewWidth) {
    const auto both = hn::Load(d, words);
    hn::Store(widen(hn::And(both, low)), d, to);
    hn::Store(widen(hn::ShiftRight<16>(both)), d, to + kFewWidth);
  }
}

/// Scales or biases of a panel as f32: (groups, kFewWidth).
HWY_NOINLINE void transpose_scales(const void* data, const FewRowsPlace& place,
                                   AlignedVector<std::uint32_t>& to) {
  const PackedTag d;
  const hn::Repartition<std::uint8_t, PackedTag> d8;
  constexpr std::size_t kBytes = 4 * kFewLanes;
  const WeightMatrix& weight = *place.weight;
  const std::size_t groups = weight.columns / weight.group_size;
  const std::size_t size = weight.type == ElementType::kFloat32 ? 4 : 2;
  const std::size_t per_square = kBytes / size;
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  const std::uint8_t* end = bytes + weight.rows * groups * size;
  to.resize((groups + per_square - 1) / per_square * per_square * kFewWidth);
  alignas(64) std::uint32_t words[kFewLanes * kFewLanes];
  for (std::size_t v = 0; v < kFewVectors; ++v) {
    for (std::size_t g = 0; g < groups; g += per_square) {
      const auto load = [&](std::size_t r) HWY_ATTR {
        const std::size_t row = place.row(v * kFewLanes + r);
        const std::uint8_t* from = bytes + (row * groups + g) * size;
        if (HWY_LIKELY(from + kBytes <= end)) return hn::BitCast(d, hn::LoadU(d8, from));
        alignas(64) std::uint8_t rest[kBytes] = {};
        std::memcpy(rest, from, static_cast<std::size_t>(end - from));
        return hn::BitCast(d, hn::Load(d8, rest));
      };
      std::uint32_t* out = to.data() + g * kFewWidth + v * kFewLanes;
      if (size == 4) {
        transpose_square(load, kFewWidth, out);
      } else {
        transpose_square(load, kFewLanes, words);
        widen_scales(words, weight.type, std::min(per_square, groups - g), out);
      }
    }
  }
}

/// `count` words of each row from byte `offset` of the row on, as they were packed.
HWY_NOINLINE void transpose_codes(const std::uint8_t* const* rows, std::size_t offset,
                                  std::size_t count, std::uint32_t* HWY_RESTRICT to) {
  const PackedTag d;
  const hn::Repartition<std::uint8_t, PackedTag> d8;
  std::size_t w = 0;
  for (; w + kFewLanes <= count; w += kFewLanes) {
    for (std::size_t v = 0; v < kFewVectors; ++v) {
      const auto load = [&](std::size_t r) HWY_ATTR {
        return hn::BitCast(d, hn::LoadU(d8, rows[v * kFewLanes + r] + offset + 4 * w));
      };
      transpose_square(load, kFewWidth, to + w * kFewWidth + v * kFewLanes);
    }
  }
  for (; w < count; ++w) {
    for (std::size_t r = 0; r < kFewWidth; ++r) {
      std::memcpy(to + w * kFewWidth + r, rows[r] + offset + 4 * w, 4);
    }
  }
}

/// Asks for memory a line at a time, between other work: many at once would wait for each other.
struct LineWalk {
  const std::uint8_t* far;
  std::size_t stride;  ///< bytes from row to row

  HWY_INLINE void next() {
    __builtin_prefetch(far, /*rw=*/0, /*locality=*/1);
    hwy::Prefetch(far - (kFarRowBytes - kNearRowBytes));
    far += stride;
  }
};

/// One group of columns of a panel and of the rows of x.
struct FewRowsGroup {
  const std::uint32_t* words;  ///< (count, kFewWidth)
  std::size_t count;
  const std::int32_t* pairs;
  const float* scales;
  const float* biases;
  const float* x_scales;
  const float* x_sums;
};

/// dot = codes · rows of x, in up to 4 sums that do not wait for each other; the first is the
/// whole.
template <std::size_t kM, int kBits, std::size_t kChains>
HWY_INLINE void dot_few_group(const FewRowsGroup& group, LineWalk& walk,
                              SumVector (&dot)[kChains][kM][kFewVectors]) {
  const PackedTag d;
  const ShortTag ds;
  const SumTag di;
  const hn::Repartition<std::uint16_t, PackedTag> d16;
  const auto mask = hn::Set(d16, (1 << kBits) - 1);
  for (auto& chain : dot) {
    for (auto& row : chain) {
      for (auto& sum : row) sum = hn::Zero(di);
    }
  }
  const std::uint32_t* HWY_RESTRICT words = group.words;
  const std::int32_t* HWY_RESTRICT pairs = group.pairs;
  for (std::size_t w = 0; w < group.count; ++w, words += kFewWidth) {
    const auto add = [&](auto part, auto codes_of) HWY_ATTR {
      ShortVector codes[kFewVectors];
      for (std::size_t v = 0; v < kFewVectors; ++v) {
        const auto word = hn::BitCast(d16, hn::Load(d, words + v * kFewLanes));
        codes[v] = hn::BitCast(ds, codes_of(word));
      }
      HWY_UNROLL(8)
      for (std::size_t i = 0; i < kM; ++i) {
        const ShortVector x = hn::BitCast(ds, hn::Set(di, pairs[part * kM + i]));
        for (std::size_t v = 0; v < kFewVectors; ++v) {
          SumVector& sum = dot[part % kChains][i][v];
          sum = add_pair_dot(sum, codes[v], x);
        }
      }
    };
    for (std::size_t v = 0; v < kFewVectors; ++v) walk.next();
    add(std::integral_constant<std::size_t, 0>(),
        [&](auto word) HWY_ATTR { return hn::And(word, mask); });
    if constexpr (kBits == 4) {
      add(std::integral_constant<std::size_t, 1>(),
          [&](auto word) HWY_ATTR { return hn::And(hn::ShiftRight<4>(word), mask); });
      add(std::integral_constant<std::size_t, 2>(),
          [&](auto word) HWY_ATTR { return hn::And(hn::ShiftRight<8>(word), mask); });
      add(std::integral_constant<std::size_t, 3>(),
          [](auto word) HWY_ATTR { return hn::ShiftRight<12>(word); });
    } else {
      add(std::integral_constant<std::size_t, 1>(),
          [](auto word) HWY_ATTR { return hn::ShiftRight<8>(word); });
    }
    pairs += 16 / kBits * kM;
  }
  for (std::size_t c = 1; c < kChains; ++c) {
    for (std::size_t i = 0; i < kM; ++i) {
      for (std::size_t v = 0; v < kFewVectors; ++v) {
        dot[0][i][v] = hn::Add(dot[0][i][v], dot[c][i][v]);
      }
    }
  }
}

/// sums (kM, kFewWidth) += one group: bias · (sum of x), then scale · x_scale · (codes · q).
template <std::size_t kM, int kBits>
HWY_INLINE void add_few_group(const FewRowsGroup& group, LineWalk& walk, float* HWY_RESTRICT sums) {
  const FloatTag d;
  constexpr std::size_t kChains = std::clamp<std::size_t>(8 / (kM * kFewVectors), 1, 4);
  SumVector dot[kChains][kM][kFewVectors];
  dot_few_group<kM, kBits, kChains>(group, walk, dot);
  HWY_UNROLL(8)
  for (std::size_t i = 0; i < kM; ++i) {
    const auto x_scale = hn::Set(d, group.x_scales[i]);
    const auto x_sum = hn::Set(d, group.x_sums[i]);
    for (std::size_t v = 0; v < kFewVectors; ++v, sums += kFewLanes) {
      const auto bias = hn::Load(d, group.biases + v * kFewLanes);
      const auto scale = hn::Mul(hn::Load(d, group.scales + v * kFewLanes), x_scale);
      const auto offset = hn::MulAdd(bias, x_sum, hn::Load(d, sums));
      hn::Store(hn::MulAdd(hn::ConvertTo(d, dot[0][i][v]), scale, offset), d, sums);
    }
  }
}

/// The next panel's scales and biases of `group`.
HWY_INLINE void prefetch_scales(const WeightMatrix& weight, std::size_t first, std::size_t group) {
  const std::size_t groups = weight.columns / weight.group_size;
  const std::size_t size = weight.type == ElementType::kFloat32 ? 4 : 2;
  const std::size_t ahead = ((first + kFewWidth) * groups + group * kFewWidth) * size;
  for (const void* data : {weight.scales, weight.biases}) {
    __builtin_prefetch(static_cast<const std::uint8_t*>(data) + ahead, /*rw=*/0, /*locality=*/1);
  }
}

/// y = the sums of all lanes, added as `sum_of_lanes` does it, + bias.
inline void finish_few_rows(const FewRowsInput& x, const FewRowsPlace& place, const float* bias,
                            FewRowsPanel& panel, float* y) {
  const FloatTag d;
  const std::size_t size = x.padded_rows * kFewWidth;
  for (std::size_t half = kFewLanes / 2; half > 0; half /= 2) {
    for (std::size_t j = 0; j < half * size; j += kFewLanes) {
      float* sum = panel.sums + j;
      hn::Store(hn::Add(hn::Load(d, sum), hn::Load(d, sum + half * size)), d, sum);
    }
  }
  for (std::size_t i = 0; i < x.rows; ++i) {
    float* out = y + i * place.weight->rows + place.first;
    const float* sums = panel.sums + i * kFewWidth;
    for (std::size_t r = 0; r < place.rows(); ++r) {
      out[r] = sums[r] + (bias != nullptr ? bias[place.first + r] : 0.0f);
    }
  }
}

/// Weight rows [first, first + kFewWidth) · all rows of x: their columns of y.
template <std::size_t kM, int kBits>
HWY_NOINLINE void multiply_few_panel(const FewRowsInput& x, const FewRowsPlace& place,
                                     const float* bias, FewRowsPanel& panel, float* y) {
  const WeightMatrix& weight = *place.weight;
  const std::size_t row_bytes = weight.columns * kBits / 8;
  const std::size_t group_words = weight.group_size * kBits / 32;
  const std::size_t step = std::max(group_words, kFewLanes);
  const auto* base = static_cast<const std::uint8_t*>(weight.data);
  const std::uint8_t* rows[kFewWidth];
  for (std::size_t r = 0; r < kFewWidth; ++r) rows[r] = base + place.row(r) * row_bytes;
  transpose_scales(weight.scales, place, panel.scales);
  transpose_scales(weight.biases, place, panel.biases);
  std::fill_n(panel.sums, kFewLanes * kM * kFewWidth, 0.0f);
  std::size_t group = 0;
  for (std::size_t word = 0; 4 * word < row_bytes; word += step) {
    const std::size_t count = std::min(step, row_bytes / 4 - word);
    transpose_codes(rows, 4 * word, count, panel.words);
    // Behind a row's end its part of the next panel follows.
    const std::size_t ahead = 4 * word + kFarRowBytes;
    LineWalk walk{rows[0] + ahead + (ahead < row_bytes ? 0 : (kFewWidth - 1) * row_bytes),
                  row_bytes};
    for (std::size_t w = 0; w < count; w += group_words, ++group) {
      prefetch_scales(weight, place.first, group);
      const FewRowsGroup part{
          panel.words + w * kFewWidth,
          group_words,
          x.pairs.data() + group * (weight.group_size / 2) * kM,
          reinterpret_cast<const float*>(panel.scales.data()) + group * kFewWidth,
          reinterpret_cast<const float*>(panel.biases.data()) + group * kFewWidth,
          x.scales.data() + group * kM,
          x.sums.data() + group * kM};
      add_few_group<kM, kBits>(part, walk, panel.sums + group % kFewLanes * (kM * kFewWidth));
    }
  }
  finish_few_rows(x, place, bias, panel, y);
}

/// Weight rows [first, last), the first one a multiple of kFewWidth, · all rows of x.
template <int kBits>
void multiply_few_panels(const FewRowsInput& x, const WeightMatrix& weight, const float* bias,
                         std::size_t first, std::size_t last, FewRowsPanel& panel, float* y) {
  for (FewRowsPlace place{&weight, first}; place.first < last; place.first += kFewWidth) {
    switch (x.padded_rows) {
      case 2:
        multiply_few_panel<2, kBits>(x, place, bias, panel, y);
        break;
      case 4:
        multiply_few_panel<4, kBits>(x, place, bias, panel, y);
        break;
      case 6:
        multiply_few_panel<6, kBits>(x, place, bias, panel, y);
        break;
      default:
        multiply_few_panel<8, kBits>(x, place, bias, panel, y);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
