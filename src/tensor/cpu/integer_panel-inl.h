// A block of a weight's rows as 16-bit numbers, in the order of the tiles that multiply by it.
// Included once a Highway target.
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/pair_dot-inl.h"
#include "tensor/cpu/round_group-inl.h"
#include "tensor/cpu/transpose-inl.h"
#include "tensor/cpu/unpack-inl.h"

#if defined(OKO_TENSOR_CPU_INTEGER_PANEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_INTEGER_PANEL_INL_H_
#undef OKO_TENSOR_CPU_INTEGER_PANEL_INL_H_
#else
#define OKO_TENSOR_CPU_INTEGER_PANEL_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// Vectors of weight rows, one a 32-bit lane, that a tile takes, and rows of x: its sums nearly
/// fill the registers.
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr std::size_t kTileVectors = 4;
constexpr std::size_t kTileInputs = 6;
#else
constexpr std::size_t kTileVectors = 2;
constexpr std::size_t kTileInputs = 4;
#endif
/// Columns unpacked at a time: a panel of them stays in the first-level cache, the same columns of
/// as many rows of x as are taken at a time in the second.
constexpr std::size_t kPanelDepth = 256;

/// Weight rows of a panel.
inline std::size_t panel_rows() {
  return kTileVectors * hn::Lanes(SumTag());
}

inline std::size_t panel_depth() {
  return kPanelDepth;
}

/// Columns [k, k + depth) of some weight rows.
struct Panel {
  std::size_t group_size = 0;
  std::size_t groups = 0;
  AlignedVector<std::uint32_t> words;  ///< (depth · bits / 32, rows): codes as they were packed
  AlignedVector<std::int16_t> codes;   ///< (depth / 2, rows, 2)
  AlignedVector<float> scales;         ///< (groups, rows)
  AlignedVector<float> biases;         ///< (groups, rows)
};

/// Neighbouring codes of every word as pairs of 16-bit numbers.
template <int kBits>
HWY_INLINE void unpack_words(const std::uint32_t* words, std::size_t count, std::size_t width,
                             std::int16_t* HWY_RESTRICT codes) {
  const hn::Repartition<std::uint32_t, SumTag> d;
  const hn::Repartition<std::int16_t, SumTag> ds;
  const auto first = hn::Set(d, (1u << kBits) - 1);
  const auto second = hn::Set(d, ((1u << kBits) - 1) << 16);
  for (std::size_t w = 0; w < count; ++w, words += width) {
    for (std::size_t r = 0; r < width; r += hn::Lanes(d)) {
      auto word = hn::Load(d, words + r);
      for (std::size_t pair = 0; pair < 16 / kBits; ++pair) {
        const auto both =
            hn::Or(hn::And(word, first), hn::And(hn::ShiftLeft<16 - kBits>(word), second));
        hn::Store(hn::BitCast(ds, both), ds, codes + 2 * (pair * width + r));
        word = hn::ShiftRight<2 * kBits>(word);
      }
    }
    codes += 2 * width * (16 / kBits);
  }
}

/// Codes of quantized rows. A row that the weight does not have is left as it is.
inline void pack_quantized_rows(const WeightMatrix& weight, std::size_t first, std::size_t rows,
                                std::size_t k, std::size_t depth, Panel& panel) {
  const std::size_t width = panel_rows();
  const std::size_t bits = static_cast<std::size_t>(weight.bits);
  const std::size_t words = depth * bits / 32;  // of whole groups: a multiple of 4
  const std::size_t row_bytes = weight.columns * bits / 8;
  panel.words.resize(words * width);
  const auto* packed =
      static_cast<const std::uint8_t*>(weight.data) + first * row_bytes + k * bits / 8;
  transpose_rows(packed, rows, row_bytes, words, width, panel.words.data());
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t group = ((first + r) * weight.columns + k) / weight.group_size;
    for (std::size_t g = 0; g < panel.groups; ++g) {
      panel.scales[g * width + r] = load_element(weight.scales, weight.type, group + g);
      panel.biases[g * width + r] = load_element(weight.biases, weight.type, group + g);
    }
  }
  if (bits == 4) {
    unpack_words<4>(panel.words.data(), words, width, panel.codes.data());
  } else {
    unpack_words<8>(panel.words.data(), words, width, panel.codes.data());
  }
}

/// Dense rows, rounded to integers with a scale for each group of columns.
inline void pack_dense_rows(const WeightMatrix& weight, std::size_t first, std::size_t rows,
                            std::size_t k, std::size_t depth, Panel& panel) {
  const std::size_t width = panel_rows();
  alignas(64) float values[kDenseGroup] = {};
  alignas(64) std::int16_t codes[kDenseGroup];
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t g = 0; g < panel.groups; ++g) {
      const std::size_t count = std::min(kDenseGroup, depth - g * kDenseGroup);
      load_floats(weight.data, weight.type, (first + r) * weight.columns + k + g * kDenseGroup,
                  count, values);
      std::fill(values + count, values + kDenseGroup, 0.0f);
      panel.scales[g * width + r] = round_group(values, kDenseGroup, kDenseLimit, codes);
      std::int16_t* to = panel.codes.data() + g * kDenseGroup * width + 2 * r;
      for (std::size_t j = 0; j < kDenseGroup; j += 2) std::memcpy(to + j * width, codes + j, 4);
    }
  }
}

/// Weight rows [first, first + panel_rows()), columns [k, k + depth). Rows that the weight does not
/// have are finite numbers.
inline void pack_integer_panel(const WeightMatrix& weight, std::size_t first, std::size_t k,
                               std::size_t depth, Panel& panel) {
  const std::size_t width = panel_rows();
  const std::size_t rows = std::min(width, weight.rows - first);
  panel.group_size = weight.bits == 0 ? kDenseGroup : weight.group_size;
  panel.groups = (depth + panel.group_size - 1) / panel.group_size;
  panel.codes.resize(panel.groups * panel.group_size * width);
  panel.scales.assign(panel.groups * width, 0.0f);
  panel.biases.assign(panel.groups * width, 0.0f);
  if (weight.bits == 0) {
    pack_dense_rows(weight, first, rows, k, depth, panel);
  } else {
    pack_quantized_rows(weight, first, rows, k, depth, panel);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
