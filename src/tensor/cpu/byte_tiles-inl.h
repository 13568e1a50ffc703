// The product of many rows of activations with a weight of 8-bit codes, both in bytes.
// Included once a Highway target.
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/integer_panel-inl.h"
#include "tensor/cpu/integer_tiles-inl.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/pair_dot-inl.h"
#include "tensor/cpu/round_group-inl.h"
#include "tensor/cpu/unpack-inl.h"

#if defined(OKO_TENSOR_CPU_BYTE_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_BYTE_TILES_INL_H_
#undef OKO_TENSOR_CPU_BYTE_TILES_INL_H_
#else
#define OKO_TENSOR_CPU_BYTE_TILES_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// Columns [k, k + depth) of some weight rows as signed bytes, with a scale for kByteGroup columns:
/// the codes of the weight's own, smaller groups are rounded anew. Coarser groups cost some of the
/// precision of 8 bits and spare most of what stands between two groups.
struct BytePanel {
  std::size_t groups = 0;
  AlignedVector<std::uint8_t> rows;     ///< (rows, groups · kByteGroup)
  AlignedVector<std::uint32_t> words;   ///< the same transposed: (groups · kByteGroup / 4, rows)
  AlignedVector<float> scales;          ///< (groups, rows)
  AlignedVector<std::int32_t> offsets;  ///< (groups, rows): -128 · (sum of codes), as x is q + 128
};

/// kByteGroup columns of a weight row from `k` on as bytes, zeros behind its end; returns their
/// scale.
inline float pack_byte_group(const WeightMatrix& weight, std::size_t row, std::size_t k,
                             std::uint8_t* HWY_RESTRICT to) {
  const FloatTag d;
  const SumTag di;
  const hn::Rebind<std::uint8_t, FloatTag> d8;
  const std::size_t count = std::min(kByteGroup, weight.columns - k);
  const std::size_t start = row * weight.columns + k;
  const std::size_t parts = count / weight.group_size;
  float scales[kByteGroup / 32], biases[kByteGroup / 32];
  // The weight's own groups reach from code 0 to 255: their ends tell the largest value.
  float largest = 0, not_a_number = 0;  // the latter is NaN where any of them is
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t group = start / weight.group_size + part;
    scales[part] = load_element(weight.scales, weight.type, group);
    biases[part] = load_element(weight.biases, weight.type, group);
    const float end = biases[part] + 255.0f * scales[part];
    largest = std::max({largest, std::abs(biases[part]), std::abs(end)});
    not_a_number += 0.0f * end;
  }
  const float scale = largest / kByteLimit + not_a_number;
  const float inverse = scale > kSmallestScale ? 1.0f / scale : 0.0f;
  const auto* codes = static_cast<const std::uint8_t*>(weight.data) + start;
  for (std::size_t part = 0; part < parts; ++part) {
    const auto factor = hn::Set(d, scales[part] * inverse);
    const auto offset = hn::Set(d, biases[part] * inverse);
    for (std::size_t i = 0; i < weight.group_size; i += hn::Lanes(d)) {
      const std::size_t column = part * weight.group_size + i;
      const auto code = hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(d8, codes + column)));
      hn::StoreU(low_bytes(hn::MulAdd(code, factor, offset)), d8, to + column);
    }
  }
  std::fill(to + count, to + kByteGroup, std::uint8_t{0});
  return scale;
}

/// offsets = -128 · (sums of a group's codes).
inline void sum_codes(const std::uint32_t* words, std::size_t width, std::int32_t* offsets) {
  const SumTag di;
  const hn::RebindToUnsigned<SumTag> du;
  const auto weight = hn::Set(di, 0x01010101);
  for (std::size_t r = 0; r < width; r += hn::Lanes(di)) {
    auto sum = hn::Zero(di);
    for (std::size_t w = 0; w < kByteGroup / 4; ++w) {
      sum = add_byte_dot(sum, weight, hn::BitCast(di, hn::Load(du, words + w * width + r)));
    }
    hn::Store(hn::Neg(hn::ShiftLeft<7>(sum)), di, offsets + r);
  }
}

constexpr std::size_t kRowsPrefetched = 16;  // ahead of those that are packed

/// Rows that the weight does not have have a scale of 0.
inline void pack_byte_panel(const WeightMatrix& weight, std::size_t first, std::size_t k,
                            std::size_t depth, BytePanel& panel) {
  const std::size_t width = panel_rows();
  const std::size_t rows = std::min(width, weight.rows - first);
  panel.groups = (depth + kByteGroup - 1) / kByteGroup;
  const std::size_t row_bytes = panel.groups * kByteGroup;
  panel.rows.resize(width * row_bytes);
  panel.words.resize(width * row_bytes / 4);
  panel.scales.assign(panel.groups * width, 0.0f);
  panel.offsets.resize(panel.groups * width);
  const auto* codes = static_cast<const std::uint8_t*>(weight.data) + first * weight.columns + k;
  for (std::size_t r = 0; r < rows; ++r, codes += weight.columns) {
    // A row's part is too short for the processor to see where the next one lies.
    if (first + r + kRowsPrefetched < weight.rows) {
      const std::uint8_t* ahead = codes + kRowsPrefetched * weight.columns;
      for (std::size_t j = 0; j < depth; j += 64) __builtin_prefetch(ahead + j);
    }
    for (std::size_t g = 0; g < panel.groups; ++g) {
      panel.scales[g * width + r] =
          pack_byte_group(weight, first + r, k + g * kByteGroup,
                          panel.rows.data() + r * row_bytes + g * kByteGroup);
    }
  }
  transpose_rows(panel.rows.data(), rows, row_bytes, row_bytes / 4, width, panel.words.data());
  for (std::size_t g = 0; g < panel.groups; ++g) {
    sum_codes(panel.words.data() + g * kByteGroup / 4 * width, width,
              panel.offsets.data() + g * width);
  }
}

/// sums[t] += one group: scale · x_scale · (codes · (q + 128) - 128 · codes). Where `kFirst`,
/// nothing is there yet.
template <std::size_t kInputs, bool kFirst>
HWY_INLINE void add_byte_group(const std::uint32_t* HWY_RESTRICT words, const float* scales,
                               const std::int32_t* offsets, const TileInput& x, std::size_t group,
                               float* HWY_RESTRICT sums) {
  const FloatTag d;
  const SumTag di;
  const hn::RebindToUnsigned<SumTag> du;
  const std::size_t lanes = hn::Lanes(d);
  SumVector dot[kInputs][kTileVectors];
  for (std::size_t v = 0; v < kTileVectors; ++v) {
    const auto offset = hn::Load(di, offsets + v * lanes);
    for (std::size_t t = 0; t < kInputs; ++t) dot[t][v] = offset;
  }
  const std::byte* q = x.q + group * kByteGroup;
  for (const std::byte* end = q + kByteGroup; q != end; q += 4) {
    SumVector code[kTileVectors];
    for (std::size_t v = 0; v < kTileVectors; ++v) {
      code[v] = hn::BitCast(di, hn::Load(du, words + v * lanes));
    }
    words += kTileVectors * lanes;
    HWY_UNROLL(8)
    for (std::size_t t = 0; t < kInputs; ++t) {
      std::int32_t four;
      std::memcpy(&four, q + t * x.stride, sizeof(four));
      const SumVector factor = hn::Set(di, four);
      for (std::size_t v = 0; v < kTileVectors; ++v) {
        dot[t][v] = add_byte_dot(dot[t][v], factor, code[v]);
      }
    }
  }
  HWY_UNROLL(8)
  for (std::size_t t = 0; t < kInputs; ++t) {
    const auto x_scale = hn::Set(d, x.scales[t * x.groups + group]);
    for (std::size_t v = 0; v < kTileVectors; ++v) {
      float* to = sums + (t * kTileVectors + v) * lanes;
      const auto product = hn::Mul(hn::ConvertTo(d, dot[t][v]), x_scale);
      const auto scale = hn::Load(d, scales + v * lanes);
      hn::Store(kFirst ? hn::Mul(product, scale) : hn::MulAdd(product, scale, hn::Load(d, to)), d,
                to);
    }
  }
}

/// sums[t][row] += the panel · rows [input, input + kInputs) of x, columns of `slice`.
template <std::size_t kInputs>
void multiply_byte_tile(const BytePanel& panel, const IntegerInput& x, std::size_t input,
                        std::size_t slice, float* HWY_RESTRICT sums) {
  const std::size_t width = panel_rows();
  const TileInput rows = tile_input(x, input, slice);
  std::size_t g = 0;
  if (slice == 0) {
    add_byte_group<kInputs, true>(panel.words.data(), panel.scales.data(), panel.offsets.data(),
                                  rows, g++, sums);
  }
  for (; g < panel.groups; ++g) {
    add_byte_group<kInputs, false>(panel.words.data() + g * kByteGroup / 4 * width,
                                   panel.scales.data() + g * width,
                                   panel.offsets.data() + g * width, rows, g, sums);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
