// The product of many rows of activations with a packed weight: a block of it is unpacked and
// used for all rows. Included once a Highway target.
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/integer_panel-inl.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/pair_dot-inl.h"

#if defined(OKO_TENSOR_CPU_INTEGER_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_INTEGER_TILES_INL_H_
#undef OKO_TENSOR_CPU_INTEGER_TILES_INL_H_
#else
#define OKO_TENSOR_CPU_INTEGER_TILES_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// Rows of x for a tile: one slice of their columns.
struct TileInput {
  const std::byte* q = nullptr;   ///< (kInputs, stride)
  std::size_t stride = 0;         ///< bytes
  const float* scales = nullptr;  ///< (kInputs, all groups of a row), from the slice's first on
  const float* sums = nullptr;
  std::size_t groups = 0;  ///< all of a row
};

/// Rows of x from `input` on.
inline TileInput tile_input(const IntegerInput& x, std::size_t input, std::size_t slice) {
  const std::size_t first_group = input * x.groups + slice * x.depth / x.group_size;
  return {x.row(slice, input), x.depth * x.item, x.scales.data() + first_group,
          x.sums.data() + first_group, x.groups};
}

/// Calls body(number of rows, a constant, first row) for tiles of `rows` rows of x.
template <typename Body>
HWY_INLINE void for_tiles(std::size_t rows, Body body) {
  std::size_t i = 0;
  for (; i + kTileInputs <= rows; i += kTileInputs) {
    body(std::integral_constant<std::size_t, kTileInputs>(), i);
  }
  for (; i + 2 <= rows; i += 2) body(std::integral_constant<std::size_t, 2>(), i);
  for (; i < rows; ++i) body(std::integral_constant<std::size_t, 1>(), i);
}

/// before + scale · x_scale · dot + bias · (sum of x).
HWY_INLINE FloatVector scaled(SumVector dot, FloatVector scale, FloatVector bias,
                              FloatVector x_scale, FloatVector x_sum, FloatVector before) {
  const auto product = hn::Mul(hn::ConvertTo(FloatTag(), dot), x_scale);
  return hn::MulAdd(product, scale, hn::MulAdd(bias, x_sum, before));
}

/// sums[t] += scale · x_scale · dot[t] + bias · (sum of x). Where `kFirst`, nothing is there yet.
template <std::size_t kInputs, bool kFirst>
HWY_INLINE void add_scaled(const SumVector (&dot)[kInputs][kTileVectors], const float* scales,
                           const float* biases, const TileInput& x, std::size_t group,
                           float* HWY_RESTRICT sums) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  HWY_UNROLL(8)
  for (std::size_t t = 0; t < kInputs; ++t) {
    const auto x_scale = hn::Set(d, x.scales[t * x.groups + group]);
    const auto x_sum = hn::Set(d, x.sums[t * x.groups + group]);
    for (std::size_t v = 0; v < kTileVectors; ++v) {
      float* to = sums + (t * kTileVectors + v) * lanes;
      const auto before = kFirst ? hn::Zero(d) : hn::Load(d, to);
      hn::Store(scaled(dot[t][v], hn::Load(d, scales + v * lanes), hn::Load(d, biases + v * lanes),
                       x_scale, x_sum, before),
                d, to);
    }
  }
}

/// sums[t] += one group: scale · x_scale · (codes · q) + bias · (sum of x). Where `kFirst`, nothing
/// is there yet.
template <std::size_t kInputs, bool kFirst>
HWY_INLINE void add_group(const std::int16_t* HWY_RESTRICT codes, const float* scales,
                          const float* biases, std::size_t group_size, const TileInput& x,
                          std::size_t group, float* HWY_RESTRICT sums) {
  const SumTag di;
  const ShortTag ds;
  const std::size_t lanes = hn::Lanes(di);
  SumVector dot[kInputs][kTileVectors];
  for (std::size_t t = 0; t < kInputs; ++t) {
    for (std::size_t v = 0; v < kTileVectors; ++v) dot[t][v] = hn::Zero(di);
  }
  const std::byte* q = x.q + group * group_size * sizeof(std::int16_t);
  for (const std::byte* end = q + group_size * sizeof(std::int16_t); q != end; q += 4) {
    ShortVector code[kTileVectors];
    for (std::size_t v = 0; v < kTileVectors; ++v) code[v] = hn::Load(ds, codes + 2 * v * lanes);
    codes += 2 * kTileVectors * lanes;
    HWY_UNROLL(8)
    for (std::size_t t = 0; t < kInputs; ++t) {
      std::int32_t pair;
      std::memcpy(&pair, q + t * x.stride, sizeof(pair));
      const ShortVector factor = hn::BitCast(ds, hn::Set(di, pair));
      for (std::size_t v = 0; v < kTileVectors; ++v) {
        dot[t][v] = add_pair_dot(dot[t][v], code[v], factor);
      }
    }
  }
  add_scaled<kInputs, kFirst>(dot, scales, biases, x, group, sums);
}

/// sums[t][row] += the panel · rows [input, input + kInputs) of x, columns of `slice`.
template <std::size_t kInputs>
void multiply_integer_tile(const Panel& panel, const IntegerInput& x, std::size_t input,
                           std::size_t slice, float* HWY_RESTRICT sums) {
  const std::size_t width = panel_rows();
  const std::size_t group_size = panel.group_size;
  const TileInput rows = tile_input(x, input, slice);
  std::size_t g = 0;
  if (slice == 0) {
    add_group<kInputs, true>(panel.codes.data(), panel.scales.data(), panel.biases.data(),
                             group_size, rows, g++, sums);
  }
  for (; g < panel.groups; ++g) {
    add_group<kInputs, false>(panel.codes.data() + g * group_size * width,
                              panel.scales.data() + g * width, panel.biases.data() + g * width,
                              group_size, rows, g, sums);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
