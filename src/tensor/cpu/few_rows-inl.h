// The product of a few rows of activations with a packed weight. A panel of weight rows is
// transposed as it is read, so that each lane is a weight row and all rows of x share its codes.
// Included once a Highway target.
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tensor/cpu/few_rows_panel-inl.h"
#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/pair_dot-inl.h"
#include "tensor/cpu/round_group-inl.h"
#include "tensor/cpu/transpose-inl.h"

#if defined(OKO_TENSOR_CPU_FEW_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_FEW_ROWS_INL_H_
#undef OKO_TENSOR_CPU_FEW_ROWS_INL_H_
#else
#define OKO_TENSOR_CPU_FEW_ROWS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// True if 2 to 8 rows are multiplied by panels. AVX2 has too few registers to gain by it: 8 rows
/// take 6 % longer than in `stream_rows`, 2 rows 20 %.
constexpr bool kHasFewRowsPanels = HWY_TARGET == HWY_AVX3_DL;

inline std::size_t few_rows_width() {
  return kFewWidth;
}

/// Groups [first, last) of `input` from x. Behind the last row of x come copies of it, whose
/// products nothing reads.
template <int kBits, std::size_t kRows>
HWY_NOINLINE void prepare_few_groups(const float* x, const WeightMatrix& weight, std::size_t first,
                                     std::size_t last, FewRowsInput& input) {
  const hn::CappedTag<std::uint8_t, 16> d;
  // Columns of a word (4 bits: of 8 codes, 8 bits: of 4) in the order of the halves of its shifts.
  constexpr std::uint8_t kOrder4[16] = {0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15};
  constexpr std::uint8_t kOrder8[16] = {0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15};
  const auto order = hn::LoadU(d, kBits == 4 ? kOrder4 : kOrder8);
  const std::size_t size = weight.group_size;
  alignas(64) std::int16_t q[128];
  alignas(64) std::int32_t pairs[kRows * 64];
  for (std::size_t g = first; g < last; ++g) {
    for (std::size_t row = 0; row < kRows; ++row) {
      const float* from = x + std::min(row, input.rows - 1) * weight.columns + g * size;
      input.sums[g * kRows + row] = group_sum(from, size);
      input.scales[g * kRows + row] = round_group(from, size, kLimit, q);
      for (std::size_t j = 0; j < size; j += 8) {
        const auto columns = hn::Load(d, reinterpret_cast<const std::uint8_t*>(q + j));
        hn::Store(hn::TableLookupBytes(columns, order), d,
                  reinterpret_cast<std::uint8_t*>(pairs + (row * size + j) / 2));
      }
    }
    transpose_rows(reinterpret_cast<const std::uint8_t*>(pairs), input.padded_rows, 2 * size,
                   size / 2, kRows,
                   reinterpret_cast<std::uint32_t*>(input.pairs.data() + g * size / 2 * kRows));
  }
}

template <int kBits>
void prepare_few_groups(const float* x, const WeightMatrix& weight, std::size_t first,
                        std::size_t last, FewRowsInput& input) {
  switch (input.padded_rows) {
    case 2:
      return prepare_few_groups<kBits, 2>(x, weight, first, last, input);
    case 4:
      return prepare_few_groups<kBits, 4>(x, weight, first, last, input);
    case 6:
      return prepare_few_groups<kBits, 6>(x, weight, first, last, input);
    default:
      return prepare_few_groups<kBits, 8>(x, weight, first, last, input);
  }
}

/// One group of columns of a panel and of the rows of x.
struct FewRowsGroup {
  const std::uint32_t* words;  ///< (count, kFewWidth)
  std::size_t count;
  std::size_t first_word;  ///< of the step
  const std::int32_t* pairs;
  ElementType type;             ///< of scales and biases
  const std::uint32_t* scales;  ///< of the panel
  const std::uint32_t* biases;
  std::size_t group;
  const float* x_scales;
  const float* x_sums;
};

/// dot = codes · rows of x, in up to 4 sums that do not wait for each other; the first is the
/// whole. `ahead` is a copy, so that the compiler keeps it in registers.
template <std::size_t kM, int kBits, std::size_t kChains>
HWY_INLINE void dot_few_group(const FewRowsGroup& group, const StepAhead ahead,
                              SumVector (&dot)[kChains][kM][kFewVectors]) {
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
    ahead.advance(group.first_word + w);
    hn::Vec<decltype(d16)> word[kFewVectors];
    for (std::size_t v = 0; v < kFewVectors; ++v) {
      auto loaded = hn::Load(PackedTag(), words + v * kFewLanes);
#if HWY_TARGET == HWY_AVX3_DL
      // Or gcc loads it for each part; one of the array it would store, too.
      if constexpr (kM <= 4) asm("" : "+v"(loaded.raw));
#endif
      word[v] = hn::BitCast(d16, loaded);
    }
    const auto add = [&](auto part, auto codes_of) HWY_ATTR {
      ShortVector codes[kFewVectors];
      for (std::size_t v = 0; v < kFewVectors; ++v) codes[v] = hn::BitCast(ds, codes_of(word[v]));
      HWY_UNROLL(8)
      for (std::size_t i = 0; i < kM; ++i) {
        const ShortVector x = hn::BitCast(ds, hn::Set(di, pairs[part * kM + i]));
        for (std::size_t v = 0; v < kFewVectors; ++v) {
          SumVector& sum = dot[part % kChains][i][v];
          sum = add_pair_dot(sum, codes[v], x);
        }
      }
    };
    add(std::integral_constant<std::size_t, 0>(),
        [&](auto bits) HWY_ATTR { return hn::And(bits, mask); });
    if constexpr (kBits == 4) {
      add(std::integral_constant<std::size_t, 1>(),
          [&](auto bits) HWY_ATTR { return hn::And(hn::ShiftRight<4>(bits), mask); });
      add(std::integral_constant<std::size_t, 2>(),
          [&](auto bits) HWY_ATTR { return hn::And(hn::ShiftRight<8>(bits), mask); });
      add(std::integral_constant<std::size_t, 3>(),
          [](auto bits) HWY_ATTR { return hn::ShiftRight<12>(bits); });
    } else {
      add(std::integral_constant<std::size_t, 1>(),
          [](auto bits) HWY_ATTR { return hn::ShiftRight<8>(bits); });
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

/// sums (kM, kFewWidth) += one group: bias · (sum of x), then scale · x_scale · (codes · q). The
/// first groups begin the sums.
template <std::size_t kM, int kBits>
HWY_INLINE void add_few_group(const FewRowsGroup& group, const StepAhead ahead,
                              float* HWY_RESTRICT sums) {
  const FloatTag d;
  constexpr std::size_t kChains = std::clamp<std::size_t>(8 / (kM * kFewVectors), 1, 4);
  SumVector dot[kChains][kM][kFewVectors];
  dot_few_group<kM, kBits, kChains>(group, ahead, dot);
  FloatVector scales[kFewVectors], biases[kFewVectors];
  for (std::size_t v = 0; v < kFewVectors; ++v) {
    scales[v] = scales_of_group(group.scales, group.type, group.group, v);
    biases[v] = scales_of_group(group.biases, group.type, group.group, v);
  }
  const auto has_begun = hn::FirstN(d, group.group < kFewLanes ? 0 : kFewLanes);
  HWY_UNROLL(8)
  for (std::size_t i = 0; i < kM; ++i) {
    const auto x_scale = hn::Set(d, group.x_scales[i]);
    const auto x_sum = hn::Set(d, group.x_sums[i]);
    for (std::size_t v = 0; v < kFewVectors; ++v, sums += kFewLanes) {
      const auto offset = hn::MulAdd(biases[v], x_sum, hn::MaskedLoad(has_begun, d, sums));
      const auto scale = hn::Mul(scales[v], x_scale);
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
    for (std::size_t byte = 0; byte < kFewWidth * size; byte += 64) {
      __builtin_prefetch(static_cast<const std::uint8_t*>(data) + ahead + byte, /*rw=*/0,
                         /*locality=*/1);
    }
  }
}

/// y = the sums of all lanes, added as `sum_of_lanes` does it, + bias.
inline void finish_few_rows(const FewRowsInput& x, const FewRowsPlace& place, const float* bias,
                            const FewRowsPanel& panel, float* y) {
  const FloatTag d;
  const std::size_t stride = x.padded_rows * kFewWidth;
  alignas(64) float total[kFewWidth];
  for (std::size_t i = 0; i < x.rows; ++i) {
    for (std::size_t v = 0; v < kFewVectors; ++v) {
      const float* from = panel.sums + i * kFewWidth + v * kFewLanes;
      FloatVector sums[kFewLanes];
      HWY_UNROLL(16)
      for (std::size_t lane = 0; lane < kFewLanes; ++lane) {
        sums[lane] = hn::Load(d, from + lane * stride);
      }
      HWY_UNROLL(4)
      for (std::size_t half = kFewLanes / 2; half > 0; half /= 2) {
        for (std::size_t lane = 0; lane < half; ++lane) {
          sums[lane] = hn::Add(sums[lane], sums[lane + half]);
        }
      }
      hn::Store(sums[0], d, total + v * kFewLanes);
    }
    float* out = y + i * place.weight->rows + place.first;
    for (std::size_t r = 0; r < place.rows(); ++r) {
      out[r] = total[r] + (bias != nullptr ? bias[place.first + r] : 0.0f);
    }
  }
}

/// Weight rows [first, first + kFewWidth) · all rows of x: their columns of y.
template <std::size_t kM, int kBits>
HWY_NOINLINE void multiply_few_panel(const FewRowsInput& x, const FewRowsPlace& place,
                                     const float* bias, CodeReader& codes, FewRowsPanel& panel,
                                     float* y) {
  const WeightMatrix& weight = *place.weight;
  const std::size_t group_words = weight.group_size * kBits / 32;
  transpose_scales(weight.scales, place, panel.scales);
  transpose_scales(weight.biases, place, panel.biases);
  if (x.groups < kFewLanes) std::fill_n(panel.sums, kFewLanes * kM * kFewWidth, 0.0f);
  for (std::size_t group = 0; group < x.groups;) {
    const std::size_t count = codes.count();
    const std::uint32_t* words = codes.next();
    const StepAhead ahead = codes.ahead();
    for (std::size_t w = 0; w < count; w += group_words, ++group) {
      prefetch_scales(weight, place.first, group);
      const FewRowsGroup part{words + w * kFewWidth,
                              group_words,
                              w,
                              x.pairs.data() + group * (weight.group_size / 2) * kM,
                              weight.type,
                              panel.scales.data(),
                              panel.biases.data(),
                              group,
                              x.scales.data() + group * kM,
                              x.sums.data() + group * kM};
      add_few_group<kM, kBits>(part, ahead, panel.sums + group % kFewLanes * (kM * kFewWidth));
    }
  }
  finish_few_rows(x, place, bias, panel, y);
}

/// Weight rows [first, last), the first one a multiple of kFewWidth, · all rows of x.
template <std::size_t kM, int kBits>
void multiply_few_panels(const FewRowsInput& x, const WeightMatrix& weight, const float* bias,
                         std::size_t first, std::size_t last, FewRowsPanel& panel, float* y) {
  const std::size_t group_words = weight.group_size * kBits / 32;
  CodeReader codes(weight, std::max(group_words, kFewLanes), first, last, panel);
  for (FewRowsPlace place{&weight, first}; place.first < last; place.first += kFewWidth) {
    multiply_few_panel<kM, kBits>(x, place, bias, codes, panel, y);
  }
}

template <int kBits>
void multiply_few_panels(const FewRowsInput& x, const WeightMatrix& weight, const float* bias,
                         std::size_t first, std::size_t last, FewRowsPanel& panel, float* y) {
  switch (x.padded_rows) {
    case 2:
      return multiply_few_panels<2, kBits>(x, weight, bias, first, last, panel, y);
    case 4:
      return multiply_few_panels<4, kBits>(x, weight, bias, first, last, panel, y);
    case 6:
      return multiply_few_panels<6, kBits>(x, weight, bias, first, last, panel, y);
    default:
      return multiply_few_panels<8, kBits>(x, weight, bias, first, last, panel, y);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
