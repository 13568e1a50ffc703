// The product of many rows of activations with a packed weight: a block of it is unpacked and
// used for all rows. Included once a Highway target.
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

/// How codes meet whole numbers of x: a lane of 32 bits holds kColumns neighbours of both.
struct PairDot {
  static constexpr std::size_t kColumns = 2;
  static HWY_INLINE SumVector add(SumVector sum, SumVector codes, SumVector q) {
    const ShortTag d;
    return add_pair_dot(sum, hn::BitCast(d, codes), hn::BitCast(d, q));
  }
  static const std::int32_t* codes(const Panel& panel) {
    return reinterpret_cast<const std::int32_t*>(panel.codes.data());
  }
};
struct ByteDot {
  static constexpr std::size_t kColumns = 4;
  static HWY_INLINE SumVector add(SumVector sum, SumVector codes, SumVector q) {
    return add_byte_dot(sum, codes, q);
  }
  static const std::int32_t* codes(const Panel& panel) {
    return reinterpret_cast<const std::int32_t*>(panel.words.data());
  }
};

/// Rows of x for a tile: one slice of their columns.
struct TileInput {
  const std::byte* q = nullptr;   ///< (kInputs, stride)
  std::size_t stride = 0;         ///< bytes
  const float* scales = nullptr;  ///< (kInputs, all groups of a row), from the slice's first on
  const float* sums = nullptr;
  std::size_t groups = 0;  ///< all of a row
};

/// sums[t] += one group: scale · x_scale · (codes · q) + bias · (sum of x).
template <typename Dot, std::size_t kInputs>
HWY_INLINE void add_group(const std::int32_t* HWY_RESTRICT codes, const float* scales,
                          const float* biases, std::size_t group_size, const TileInput& x,
                          std::size_t group, float* HWY_RESTRICT sums) {
  const FloatTag d;
  const SumTag di;
  const std::size_t lanes = hn::Lanes(d);
  SumVector dot[kInputs][kTileVectors];
  for (std::size_t t = 0; t < kInputs; ++t) {
    for (std::size_t v = 0; v < kTileVectors; ++v) dot[t][v] = hn::Zero(di);
  }
  const std::size_t words = group_size / Dot::kColumns;
  const std::byte* q = x.q + group * words * sizeof(std::int32_t);
  for (const std::byte* end = q + words * sizeof(std::int32_t); q != end;
       q += sizeof(std::int32_t)) {
    SumVector code[kTileVectors];
    for (std::size_t v = 0; v < kTileVectors; ++v) code[v] = hn::Load(di, codes + v * lanes);
    codes += kTileVectors * lanes;
    HWY_UNROLL(8)
    for (std::size_t t = 0; t < kInputs; ++t) {
      std::int32_t word;
      std::memcpy(&word, q + t * x.stride, sizeof(word));
      const SumVector factor = hn::Set(di, word);
      for (std::size_t v = 0; v < kTileVectors; ++v) {
        dot[t][v] = Dot::add(dot[t][v], code[v], factor);
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
template <typename Dot, std::size_t kInputs>
void multiply_integer_tile(const Panel& panel, const IntegerInput& x, std::size_t input,
                           std::size_t slice, float* HWY_RESTRICT sums) {
  const std::size_t width = panel_rows();
  const std::size_t group_size = panel.group_size;
  const std::size_t first_group = input * x.groups + slice * x.depth / group_size;
  const TileInput rows{x.row(slice, input), x.depth * x.item, x.scales.data() + first_group,
                       x.sums.data() + first_group, x.groups};
  const std::int32_t* codes = Dot::codes(panel);
  for (std::size_t g = 0; g < panel.groups; ++g) {
    add_group<Dot, kInputs>(codes + g * group_size / Dot::kColumns * width,
                            panel.scales.data() + g * width, panel.biases.data() + g * width,
                            group_size, rows, g, sums);
  }
}

template <typename Dot>
void multiply_integer_panel(const Panel& panel, const IntegerInput& x, std::size_t slice,
                            float* sums) {
  const std::size_t width = panel_rows();
  std::size_t i = 0;
  for (; i + kTileInputs <= x.rows; i += kTileInputs) {
    multiply_integer_tile<Dot, kTileInputs>(panel, x, i, slice, sums + i * width);
  }
  for (; i + 2 <= x.rows; i += 2) {
    multiply_integer_tile<Dot, 2>(panel, x, i, slice, sums + i * width);
  }
  for (; i < x.rows; ++i) {
    multiply_integer_tile<Dot, 1>(panel, x, i, slice, sums + i * width);
  }
}

constexpr std::size_t kRowsAhead = 4;

/// to = sums + bias, where there is one.
HWY_INLINE void add_bias(const float* HWY_RESTRICT sums, const float* HWY_RESTRICT bias,
                         std::size_t count, float* HWY_RESTRICT to) {
  if (bias == nullptr) {
    std::copy_n(sums, count, to);
  } else {
    for (std::size_t r = 0; r < count; ++r) to[r] = sums[r] + bias[r];
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
      const bool bytes = x.item == 1;
      pack_integer_panel(weight, first + p * width, k, std::min(x.depth, weight.columns - k), bytes,
                         panel);
      float* to = sums.data() + p * x.rows * width;
      if (bytes) {
        multiply_integer_panel<ByteDot>(panel, x, slice, to);
      } else {
        multiply_integer_panel<PairDot>(panel, x, slice, to);
      }
    }
  }
  for (std::size_t i = 0; i < x.rows; ++i) {
    float* to = y + i * weight.rows + first;
    // Lines of y are far apart: they are asked for before the rows that will fill them.
    if (i + kRowsAhead < x.rows) {
      const float* ahead = to + kRowsAhead * weight.rows;
      for (std::size_t r = 0; r < last - first; r += 16) __builtin_prefetch(ahead + r, 1);
    }
    for (std::size_t p = 0; p < panels; ++p, to += width) {
      add_bias(sums.data() + (p * x.rows + i) * width,
               bias == nullptr ? nullptr : bias + first + p * width,
               std::min(width, last - first - p * width), to);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
