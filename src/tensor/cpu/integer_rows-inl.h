// The product of a few rows of activations with a packed weight that is read once, as it lies.
// Included once a Highway target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/pair_dot-inl.h"
#include "tensor/cpu/unpack-inl.h"

#if defined(OKO_TENSOR_CPU_INTEGER_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_INTEGER_ROWS_INL_H_
#undef OKO_TENSOR_CPU_INTEGER_ROWS_INL_H_
#else
#define OKO_TENSOR_CPU_INTEGER_ROWS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
OKO_BEFORE_DOT()
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// How far ahead of the codes memory is asked for. Processors look ahead within a page of 4 kB
/// only, and a mapped file has no larger ones.
constexpr std::size_t kPrefetchBytes = 4096;

using WordTag = hn::ScalableTag<std::uint16_t>;
using WordVector = hn::Vec<WordTag>;

/// Columns whose codes fill one vector. Within such a run, x lies as the codes come out of the
/// vector's 16-bit words: the first code of every word, then the second, ...
inline std::size_t columns_per_vector(int bits) {
  return hn::Lanes(WordTag()) * 16 / static_cast<std::size_t>(bits);
}

/// A vector of packed codes · the run of x that belongs to it, in sums over neighbouring words.
template <int kBits>
HWY_INLINE SumVector dot_packed(WordVector words, const std::int16_t* x) {
  const WordTag d;
  const ShortTag dx;
  const auto mask = hn::Set(d, (1 << kBits) - 1);
  SumVector sum = hn::Zero(SumTag());
  const auto add = [&](WordVector codes, std::size_t part) HWY_ATTR {
    sum = add_pair_dot(sum, hn::BitCast(dx, codes), hn::LoadU(dx, x + part * hn::Lanes(dx)));
  };
  add(hn::And(words, mask), 0);
  if constexpr (kBits == 4) {
    add(hn::And(hn::ShiftRight<4>(words), mask), 1);
    add(hn::And(hn::ShiftRight<8>(words), mask), 2);
    add(hn::ShiftRight<12>(words), 3);
  } else {
    add(hn::ShiftRight<8>(words), 1);
  }
  return sum;
}

/// For groups [g, g + lanes of d) of a weight row and kM rows of x from `input` on: their scales
/// times those of x, and their biases times the sums of x, which are added to `offset`.
template <std::size_t kM, typename D>
HWY_INLINE void scale_groups(D d, const WeightMatrix& weight, std::size_t at, const IntegerInput& x,
                             std::size_t input, std::size_t g, float* products, std::size_t stride,
                             hn::Vec<D> (&offset)[kM]) {
  const auto scale = load_elements(d, weight.scales, weight.type, at);
  const auto bias = load_elements(d, weight.biases, weight.type, at);
  for (std::size_t i = 0; i < kM; ++i) {
    const std::size_t group = (input + i) * x.groups + g;
    hn::StoreU(hn::Mul(scale, hn::LoadU(d, x.scales.data() + group)), d, products + i * stride + g);
    offset[i] = hn::MulAdd(bias, hn::LoadU(d, x.sums.data() + group), offset[i]);
  }
}

/// products[i][g] = scale of group g · scale of x; sum[i] = sum over groups of bias · sum of x.
template <std::size_t kM>
HWY_INLINE void scale_row(const WeightMatrix& weight, std::size_t row, const IntegerInput& x,
                          std::size_t input, float* products, std::size_t stride,
                          float (&sum)[kM]) {
  const FloatTag wide;
  const hn::CappedTag<float, 4> narrow;
  hn::Vec<decltype(wide)> wide_offset[kM];
  hn::Vec<decltype(narrow)> narrow_offset[kM];
  for (std::size_t i = 0; i < kM; ++i) {
    wide_offset[i] = hn::Zero(wide);
    narrow_offset[i] = hn::Zero(narrow);
  }
  const std::size_t first = row * x.groups;
  std::size_t g = 0;
  for (; g + hn::Lanes(wide) <= x.groups; g += hn::Lanes(wide)) {
    scale_groups<kM>(wide, weight, first + g, x, input, g, products, stride, wide_offset);
  }
  for (; g + hn::Lanes(narrow) <= x.groups; g += hn::Lanes(narrow)) {
    scale_groups<kM>(narrow, weight, first + g, x, input, g, products, stride, narrow_offset);
  }
  for (std::size_t i = 0; i < kM; ++i) {
    sum[i] = hn::GetLane(hn::SumOfLanes(wide, wide_offset[i])) +
             hn::GetLane(hn::SumOfLanes(narrow, narrow_offset[i]));
  }
  for (; g < x.groups; ++g) {
    const float scale = load_element(weight.scales, weight.type, first + g);
    const float bias = load_element(weight.biases, weight.type, first + g);
    for (std::size_t i = 0; i < kM; ++i) {
      products[i * stride + g] = scale * x.scales[(input + i) * x.groups + g];
      sum[i] += bias * x.sums[(input + i) * x.groups + g];
    }
  }
}

/// Rows [first, last) of the weight · rows [input, input + kM) of x. kOneGroup: a vector of codes
/// belongs to one group; otherwise several groups share it.
template <std::size_t kM, int kBits, bool kOneGroup>
void stream_rows(const IntegerInput& x, std::size_t input, const WeightMatrix& weight,
                 const float* bias, std::size_t first, std::size_t last, float* y) {
  const FloatTag d;
  const WordTag du16;
  const hn::Repartition<std::uint8_t, WordTag> du8;  // rows may start at an odd address
  const std::size_t vector_bytes = hn::Lanes(du8);
  const std::size_t run = columns_per_vector(kBits);
  const std::size_t row_bytes = weight.columns * kBits / 8;
  const std::size_t stride = x.groups + hn::Lanes(d);  // a vector of scales may start at any group
  const std::size_t groups_per_vector = std::max<std::size_t>(1, run / weight.group_size);
  const std::size_t vectors_per_group = std::max<std::size_t>(1, weight.group_size / run);
  alignas(64) std::int32_t lane_groups[64];
  for (std::size_t l = 0; l < hn::Lanes(d); ++l) {
    lane_groups[l] = static_cast<std::int32_t>(l * groups_per_vector / hn::Lanes(d));
  }
  const auto spread = hn::SetTableIndices(d, lane_groups);
  thread_local std::vector<float> products;
  products.assign(kM * stride, 0.0f);

  const std::int16_t* q = x.q.data() + input * x.columns;
  for (std::size_t row = first; row < last; ++row) {
    float sum[kM];
    scale_row<kM>(weight, row, x, input, products.data(), stride, sum);
    const auto* packed = static_cast<const std::uint8_t*>(weight.data) + row * row_bytes;
    FloatVector total[kM];
    for (std::size_t i = 0; i < kM; ++i) total[i] = hn::Zero(d);
    const auto add_vector = [&](const std::uint8_t* bytes, std::size_t column,
                                std::size_t group) HWY_ATTR {
      const WordVector words = hn::BitCast(du16, hn::LoadU(du8, bytes));
      for (std::size_t i = 0; i < kM; ++i) {
        const SumVector dot = dot_packed<kBits>(words, q + i * x.columns + column);
        const float* scales = products.data() + i * stride + group;
        const auto scale =
            kOneGroup ? hn::Set(d, *scales) : hn::TableLookupLanes(hn::LoadU(d, scales), spread);
        total[i] = hn::MulAdd(hn::ConvertTo(d, dot), scale, total[i]);
      }
    };
    std::size_t byte = 0, column = 0, group = 0;
    while (byte + vectors_per_group * vector_bytes <= row_bytes) {
      for (std::size_t v = 0; v < vectors_per_group; ++v, byte += vector_bytes, column += run) {
        hwy::Prefetch(packed + byte + kPrefetchBytes);
        add_vector(packed + byte, column, group);
      }
      group += groups_per_vector;
    }
    if (byte < row_bytes) {  // only where groups share a vector: rows end with a group
      alignas(64) std::uint8_t rest[64] = {};
      std::memcpy(rest, packed + byte, row_bytes - byte);
      add_vector(rest, column, group);
    }
    for (std::size_t i = 0; i < kM; ++i) {
      y[(input + i) * weight.rows + row] =
          hn::GetLane(hn::SumOfLanes(d, total[i])) + sum[i] + (bias != nullptr ? bias[row] : 0.0f);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
OKO_AFTER_DOT()
HWY_AFTER_NAMESPACE();

#endif
