// The product of many rows of activations with a packed weight: a block of it is unpacked to 16
// bits and used for all rows. Included once a Highway target.
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

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
  const std::int16_t* q = nullptr;  ///< (kInputs, depth)
  std::size_t depth = 0;
  const float* scales = nullptr;  ///< (kInputs, all groups of a row), from the slice's first on
  const float* sums = nullptr;
  std::size_t groups = 0;  ///< all of a row
};

/// sums[t] += one group: scale · x_scale · (codes · q) + bias · (sum of x).
template <std::size_t kInputs>
HWY_INLINE void add_group(const std::int16_t* HWY_RESTRICT codes, const float* scales,
                          const float* biases, std::size_t group_size, const TileInput& x,
                          std::size_t group, float* HWY_RESTRICT sums) {
  const FloatTag d;
  const SumTag di;
  const ShortTag ds;
  const std::size_t lanes = hn::Lanes(d);
  SumVector dot[kInputs][kTileVectors];
  for (std::size_t t = 0; t < kInputs; ++t) {
    for (std::size_t v = 0; v < kTileVectors; ++v) dot[t][v] = hn::Zero(di);
  }
  const std::int16_t* q = x.q + group * group_size;
  for (const std::int16_t* end = q + group_size; q != end; q += 2) {
    ShortVector code[kTileVectors];
    for (std::size_t v = 0; v < kTileVectors; ++v) code[v] = hn::Load(ds, codes + 2 * v * lanes);
    codes += 2 * kTileVectors * lanes;
    HWY_UNROLL(8)
    for (std::size_t t = 0; t < kInputs; ++t) {
      std::int32_t pair;
      std::memcpy(&pair, q + t * x.depth, sizeof(pair));
      const ShortVector factor = hn::BitCast(ds, hn::Set(di, pair));
      for (std::size_t v = 0; v < kTileVectors; ++v) {
        dot[t][v] = add_pair_dot(dot[t][v], code[v], factor);
      }
    }
  }
  HWY_UNROLL(8)
  for (std::size_t t = 0; t < kInputs; ++t) {
    const auto x_scale = hn::Set(d, x.scales[t * x.groups + group]);
    const auto x_sum = hn::Set(d, x.sums[t * x.groups + group]);
    for (std::size_t v = 0; v < kTileVectors; ++v) {
      float* to = sums + (t * kTileVectors + v) * lanes;
      const auto product = hn::Mul(hn::ConvertTo(d, dot[t][v]), x_scale);
      const auto offset = hn::MulAdd(hn::Load(d, biases + v * lanes), x_sum, hn::Load(d, to));
      hn::Store(hn::MulAdd(product, hn::Load(d, scales + v * lanes), offset), d, to);
    }
  }
}

/// sums[t][row] += the panel · rows [input, input + kInputs) of x, columns of `slice`.
template <std::size_t kInputs>
void multiply_integer_tile(const Panel& panel, const IntegerInput& x, std::size_t input,
                           std::size_t slice, float* HWY_RESTRICT sums) {
  const std::size_t width = panel_rows();
  const std::size_t group_size = panel.group_size;
  const std::size_t first_group = input * x.groups + slice * x.depth / group_size;
  const TileInput rows{x.row(slice, input), x.depth, x.scales.data() + first_group,
                       x.sums.data() + first_group, x.groups};
  for (std::size_t g = 0; g < panel.groups; ++g) {
    add_group<kInputs>(panel.codes.data() + g * group_size * width, panel.scales.data() + g * width,
                       panel.biases.data() + g * width, group_size, rows, g, sums);
  }
}

inline void multiply_integer_panel(const Panel& panel, const IntegerInput& x, std::size_t slice,
                                   float* sums) {
  const std::size_t width = panel_rows();
  std::size_t i = 0;
  for (; i + kTileInputs <= x.rows; i += kTileInputs) {
    multiply_integer_tile<kTileInputs>(panel, x, i, slice, sums + i * width);
  }
  for (; i + 2 <= x.rows; i += 2) {
    multiply_integer_tile<2>(panel, x, i, slice, sums + i * width);
  }
  for (; i < x.rows; ++i) {
    multiply_integer_tile<1>(panel, x, i, slice, sums + i * width);
  }
}

/// Weight rows [first, last), the first one a multiple of panel_rows(), · all rows of x: their
/// columns of y. Slices go outermost, so that those of x are read from the second-level cache.
inline void multiply_integer_panels(const IntegerInput& x, const WeightMatrix& weight,
                                    const float* bias, std::size_t first, std::size_t last,
                                    float* y) {
  const std::size_t width = panel_rows();
  thread_local Panel panel;
  thread_local AlignedVector<float> sums;  // (panels, rows of x, width): dense, unlike those of y
  const std::size_t panels = (last - first + width - 1) / width;
  sums.assign(panels * x.rows * width, 0.0f);
  for (std::size_t slice = 0; slice * x.depth < weight.columns; ++slice) {
    const std::size_t k = slice * x.depth;
    for (std::size_t p = 0; p < panels; ++p) {
      pack_integer_panel(weight, first + p * width, k, std::min(x.depth, weight.columns - k),
                         panel);
      multiply_integer_panel(panel, x, slice, sums.data() + p * x.rows * width);
    }
  }
  for (std::size_t p = 0; p < panels; ++p) {
    const std::size_t row = first + p * width;
    const std::size_t count = std::min(width, last - row);
    for (std::size_t i = 0; i < x.rows; ++i) {
      const float* from = sums.data() + (p * x.rows + i) * width;
      float* to = y + i * weight.rows + row;
      if (bias == nullptr) {
        std::copy_n(from, count, to);
      } else {
        for (std::size_t r = 0; r < count; ++r) to[r] = from[r] + bias[row + r];
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
