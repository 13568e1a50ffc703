// A block of a weight's rows as 16-bit numbers, in the order of the tiles that multiply by it.
// Included once a Highway target.
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>
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
  AlignedVector<std::uint32_t> words;  ///< (depth · bits / 32, rows): codes as they were packed, or
                                       ///< one group of 16-bit floats
  AlignedVector<std::uint8_t> rest;  ///< (rows, kDenseGroup) 16-bit floats: a shorter group, padded
  AlignedVector<std::int16_t> codes;   ///< (depth / 2, rows, 2)
  AlignedVector<std::uint32_t> bytes;  ///< (depth / 4, rows): for AMX in place of `codes`
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

/// Codes of 4 bits of every word as bytes of two.
HWY_INLINE void widen_words(const std::uint32_t* words, std::size_t count, std::size_t width,
                            std::uint32_t* HWY_RESTRICT bytes) {
  const hn::Repartition<std::uint32_t, SumTag> d;
  const auto widen = [&](auto half) HWY_ATTR {
    const auto pairs = hn::And(hn::Or(half, hn::ShiftLeft<8>(half)), hn::Set(d, 0x00FF00FFu));
    return hn::And(hn::Or(pairs, hn::ShiftLeft<4>(pairs)), hn::Set(d, 0x0F0F0F0Fu));
  };
  for (std::size_t w = 0; w < count; ++w, words += width, bytes += 2 * width) {
    for (std::size_t r = 0; r < width; r += hn::Lanes(d)) {
      const auto word = hn::Load(d, words + r);
      hn::Store(widen(hn::And(word, hn::Set(d, 0xFFFFu))), d, bytes + r);
      hn::Store(widen(hn::ShiftRight<16>(word)), d, bytes + width + r);
    }
  }
}

/// Codes of quantized rows, for AMX as bytes. A row that the weight does not have is left as it is.
inline void pack_quantized_rows(const WeightMatrix& weight, std::size_t first, std::size_t rows,
                                std::size_t k, std::size_t depth, bool for_amx, Panel& panel) {
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
  if (for_amx) {
    panel.bytes.resize(depth / 4 * width);
    if (bits == 8) return panel.bytes.swap(panel.words);
    return widen_words(panel.words.data(), words, width, panel.bytes.data());
  }
  panel.codes.resize(depth * width);
  if (bits == 4) {
    unpack_words<4>(panel.words.data(), words, width, panel.codes.data());
  } else {
    unpack_words<8>(panel.words.data(), words, width, panel.codes.data());
  }
}

/// The first 16-bit float of every word, or with `kSecond` the second, as f32.
template <ElementType kType, bool kSecond>
HWY_INLINE FloatVector float_of_words(hn::Vec<hn::RebindToUnsigned<FloatTag>> words) {
  const FloatTag d;
  const hn::RebindToUnsigned<FloatTag> du;
  if constexpr (kType == ElementType::kBfloat16) {
    return hn::BitCast(
        d, kSecond ? hn::And(words, hn::Set(du, 0xFFFF0000u)) : hn::ShiftLeft<16>(words));
  } else {
    const hn::Rebind<std::uint16_t, FloatTag> du16;
    const hn::Rebind<hwy::float16_t, FloatTag> half;
    const auto bits = kSecond ? hn::ShiftRight<16>(words) : hn::And(words, hn::Set(du, 0xFFFFu));
    return hn::PromoteTo(d, hn::BitCast(half, hn::DemoteTo(du16, hn::BitCast(SumTag(), bits))));
  }
}

/// Rounds one group of dense rows, (kDenseGroup / 2, width) words of two 16-bit floats, to integers
/// with a scale for each row.
template <ElementType kType>
HWY_INLINE void round_words(const std::uint32_t* words, std::size_t width,
                            float* HWY_RESTRICT scales, std::int16_t* HWY_RESTRICT codes) {
  constexpr std::size_t kWords = kDenseGroup / 2;
  const FloatTag d;
  const SumTag di;
  const hn::RebindToUnsigned<FloatTag> du;
  const ShortTag ds;
  const hn::Repartition<std::uint16_t, SumTag> du16;
  for (std::size_t r = 0; r < width; r += hn::Lanes(d)) {
    // As integers the bits of absolute values are in their order, and those of NaN come last.
    auto bits = hn::Zero(du16);
    for (std::size_t w = 0; w < kWords; ++w) {
      const auto both = hn::And(hn::Load(du, words + w * width + r), hn::Set(du, 0x7FFF7FFFu));
      bits = hn::Max(bits, hn::BitCast(du16, both));
    }
    const auto first = float_of_words<kType, false>(hn::BitCast(du, bits));
    const auto second = float_of_words<kType, true>(hn::BitCast(du, bits));
    const auto largest = hn::BitCast(d, hn::Max(hn::BitCast(di, first), hn::BitCast(di, second)));
    const auto scale = hn::Div(largest, hn::Set(d, kDenseLimit));
    hn::Store(scale, d, scales + r);
    const auto inverse = hn::IfThenElseZero(hn::Gt(scale, hn::Set(d, kSmallestScale)),
                                            hn::Div(hn::Set(d, 1.0f), scale));
    const auto round = [&](FloatVector x) HWY_ATTR {
      return hn::BitCast(du, hn::MulAdd(x, inverse, hn::Set(d, kRounding)));
    };
    for (std::size_t w = 0; w < kWords; ++w) {
      const auto word = hn::Load(du, words + w * width + r);
      const auto low = hn::And(round(float_of_words<kType, false>(word)), hn::Set(du, 0xFFFF));
      const auto high = hn::ShiftLeft<16>(round(float_of_words<kType, true>(word)));
      hn::Store(hn::BitCast(ds, hn::Or(low, high)), ds, codes + 2 * (w * width + r));
    }
  }
}

/// One group of `rows` rows of 16-bit floats, `stride` bytes apart, as words: (kDenseGroup / 2,
/// panel_rows()). Rows that are not there become zero.
HWY_INLINE void transpose_group(const std::uint8_t* group, std::size_t rows, std::size_t stride,
                                std::uint32_t* words) {
  const SquareTag d;
  const hn::Repartition<std::uint8_t, SquareTag> d8;
  const std::size_t width = panel_rows();
  for (std::size_t r = 0; r < width; r += hn::Lanes(d)) {
    for (std::size_t w = 0; w < kDenseGroup / 2; w += hn::Lanes(d)) {
      const auto load = [&](std::size_t i) HWY_ATTR {
        if (r + i >= rows) return hn::Zero(d);
        return hn::BitCast(d, hn::LoadU(d8, group + (r + i) * stride + 4 * w));
      };
      transpose_square(load, width, words + w * width + r);
    }
  }
}

/// Dense rows, rounded to integers with a scale for each group of columns.
inline void pack_dense_rows(const WeightMatrix& weight, std::size_t first, std::size_t rows,
                            std::size_t k, std::size_t depth, Panel& panel) {
  assert(weight.type != ElementType::kFloat32);
  constexpr std::size_t kItem = 2, kGroupBytes = kDenseGroup * kItem;
  const std::size_t width = panel_rows();
  const std::size_t row_bytes = weight.columns * kItem;
  const auto* data = static_cast<const std::uint8_t*>(weight.data) + first * row_bytes + k * kItem;
  panel.words.resize(kDenseGroup / 2 * width);
  for (std::size_t g = 0; g < panel.groups; ++g) {
    const std::uint8_t* group = data + g * kGroupBytes;
    const std::size_t bytes = std::min(kDenseGroup, depth - g * kDenseGroup) * kItem;
    std::size_t stride = row_bytes;
    if (bytes < kGroupBytes) {
      panel.rest.assign(rows * kGroupBytes, 0);
      for (std::size_t r = 0; r < rows; ++r) {
        std::memcpy(panel.rest.data() + r * kGroupBytes, group + r * row_bytes, bytes);
      }
      group = panel.rest.data();
      stride = kGroupBytes;
    }
    transpose_group(group, rows, stride, panel.words.data());
    float* scales = panel.scales.data() + g * width;
    std::int16_t* codes = panel.codes.data() + g * kDenseGroup * width;
    if (weight.type == ElementType::kBfloat16) {
      round_words<ElementType::kBfloat16>(panel.words.data(), width, scales, codes);
    } else {
      round_words<ElementType::kFloat16>(panel.words.data(), width, scales, codes);
    }
  }
}

/// Weight rows [first, first + panel_rows()), columns [k, k + depth). Rows that the weight does not
/// have are finite numbers.
inline void pack_integer_panel(const WeightMatrix& weight, std::size_t first, std::size_t k,
                               std::size_t depth, bool for_amx, Panel& panel) {
  const std::size_t width = panel_rows();
  const std::size_t rows = std::min(width, weight.rows - first);
  panel.group_size = weight.bits == 0 ? kDenseGroup : weight.group_size;
  panel.groups = (depth + panel.group_size - 1) / panel.group_size;
  panel.scales.assign(panel.groups * width, 0.0f);
  panel.biases.assign(panel.groups * width, 0.0f);
  if (weight.bits == 0) {
    panel.codes.resize(panel.groups * panel.group_size * width);
    pack_dense_rows(weight, first, rows, k, depth, panel);
  } else {
    pack_quantized_rows(weight, first, rows, k, depth, for_amx, panel);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
