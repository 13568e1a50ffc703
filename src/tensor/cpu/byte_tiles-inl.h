// The product of many rows of activations with a weight of 8-bit codes, both in bytes.
// Included once a Highway target.
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

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

/// Columns [k, k + depth) of some weight rows as bytes 0..255, with a scale and a bias for
/// kByteGroup columns: the weight's own codes where its groups are of that size. Smaller groups are
/// rounded again; coarser ones cost some of the precision of 8 bits and spare most of the work
/// between two groups.
struct BytePanel {
  std::size_t groups = 0;
  AlignedVector<std::uint8_t> rows;    ///< (rows, groups · kByteGroup)
  AlignedVector<std::uint32_t> words;  ///< the same transposed: (groups · kByteGroup / 4, rows)
  AlignedVector<float> scales;         ///< (groups, rows)
  AlignedVector<float> biases;         ///< (groups, rows)
};

struct ByteScale {
  float scale, bias;
};

/// kByteGroup columns of a weight row from `k` on, in its smaller groups, as codes of one group;
/// zeros behind the row's end.
inline ByteScale pack_byte_group(const WeightMatrix& weight, std::size_t row, std::size_t k,
                                 std::uint8_t* HWY_RESTRICT to) {
  const FloatTag d;
  const SumTag di;
  const hn::Rebind<std::uint8_t, FloatTag> d8;
  const std::size_t count = std::min(kByteGroup, weight.columns - k);
  const std::size_t start = row * weight.columns + k;
  const std::size_t parts = count / weight.group_size;
  float scales[kByteGroup / 32], biases[kByteGroup / 32];
  // A group reaches from code 0 to 255: its ends tell the range.
  float least = std::numeric_limits<float>::max(), largest = -least;
  float not_a_number = 0;  // NaN if any of them is
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t group = start / weight.group_size + part;
    scales[part] = load_element(weight.scales, weight.type, group);
    biases[part] = load_element(weight.biases, weight.type, group);
    const float end = biases[part] + 255.0f * scales[part];
    least = std::min({least, biases[part], end});
    largest = std::max({largest, biases[part], end});
    not_a_number += 0.0f * end;
  }
  const float scale = (largest - least) / 255.0f + not_a_number;
  const float inverse = scale > kSmallestScale ? 1.0f / scale : 0.0f;
  const auto* codes = static_cast<const std::uint8_t*>(weight.data) + start;
  for (std::size_t part = 0; part < parts; ++part) {
    const auto factor = hn::Set(d, scales[part] * inverse);
    const auto offset = hn::Set(d, (biases[part] - least) * inverse);
    for (std::size_t i = 0; i < weight.group_size; i += hn::Lanes(d)) {
      const std::size_t column = part * weight.group_size + i;
      const auto code = hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(d8, codes + column)));
      hn::StoreU(low_bytes(hn::MulAdd(code, factor, offset)), d8, to + column);
    }
  }
  std::fill(to + count, to + kByteGroup, std::uint8_t{0});
  return {scale, least};
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
  panel.biases.assign(panel.groups * width, 0.0f);
  const bool as_they_are = weight.group_size == kByteGroup;
  const auto* codes = static_cast<const std::uint8_t*>(weight.data) + first * weight.columns + k;
  const std::uint8_t* row = codes;
  for (std::size_t r = 0; r < rows; ++r, row += weight.columns) {
    // A row's part is too short for the processor to predict the next one.
    if (first + r + kRowsPrefetched < weight.rows) {
      const std::uint8_t* ahead = row + kRowsPrefetched * weight.columns;
      for (std::size_t j = 0; j < depth; j += 64) __builtin_prefetch(ahead + j);
    }
    for (std::size_t g = 0; g < panel.groups; ++g) {
      ByteScale of_group;
      if (as_they_are) {
        const std::size_t at = ((first + r) * weight.columns + k) / kByteGroup + g;
        of_group = {load_element(weight.scales, weight.type, at),
                    load_element(weight.biases, weight.type, at)};
      } else {
        of_group = pack_byte_group(weight, first + r, k + g * kByteGroup,
                                   panel.rows.data() + r * row_bytes + g * kByteGroup);
      }
      panel.scales[g * width + r] = of_group.scale;
      panel.biases[g * width + r] = of_group.bias;
    }
  }
  transpose_rows(as_they_are ? codes : panel.rows.data(), rows,
                 as_they_are ? weight.columns : row_bytes, row_bytes / 4, width,
                 panel.words.data());
}

/// sums[t] += one group: scale · x_scale · (codes · q) + bias · x_scale · (sum of q). Where
/// `kFirst`, nothing is there yet.
template <std::size_t kInputs, bool kFirst>
HWY_INLINE void add_byte_group(const std::uint32_t* HWY_RESTRICT words, const float* scales,
                               const float* biases, const TileInput& x, std::size_t group,
                               float* HWY_RESTRICT sums) {
  const SumTag di;
  const hn::RebindToUnsigned<SumTag> du;
  const std::size_t lanes = hn::Lanes(di);
  SumVector dot[kInputs][kTileVectors];
  for (std::size_t t = 0; t < kInputs; ++t) {
    for (std::size_t v = 0; v < kTileVectors; ++v) dot[t][v] = hn::Zero(di);
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
        dot[t][v] = add_byte_dot(dot[t][v], code[v], factor);
      }
    }
  }
  add_scaled<kInputs, kFirst>(dot, scales, biases, x, group, sums);
}

/// sums[t][row] += the panel · rows [input, input + kInputs) of x, columns of `slice`.
template <std::size_t kInputs>
void multiply_byte_tile(const BytePanel& panel, const IntegerInput& x, std::size_t input,
                        std::size_t slice, float* HWY_RESTRICT sums) {
  const std::size_t width = panel_rows();
  const TileInput rows = tile_input(x, input, slice);
  std::size_t g = 0;
  if (slice == 0) {
    add_byte_group<kInputs, true>(panel.words.data(), panel.scales.data(), panel.biases.data(),
                                  rows, g++, sums);
  }
  for (; g < panel.groups; ++g) {
    add_byte_group<kInputs, false>(panel.words.data() + g * kByteGroup / 4 * width,
                                   panel.scales.data() + g * width, panel.biases.data() + g * width,
                                   rows, g, sums);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
