// The product of many rows of activations with some rows of a weight, panel by panel.
// Included once a Highway target.
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/byte_tiles-inl.h"
#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/integer_tiles-inl.h"
#include "tensor/cpu/matmul.h"

#if defined(OKO_TENSOR_CPU_INTEGER_PANELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_INTEGER_PANELS_INL_H_
#undef OKO_TENSOR_CPU_INTEGER_PANELS_INL_H_
#else
#define OKO_TENSOR_CPU_INTEGER_PANELS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

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
  thread_local BytePanel byte_panel;
  thread_local AlignedVector<float> sums;  // (panels, rows of x, width): dense, unlike those of y
  const std::size_t panels = (last - first + width - 1) / width;
  sums.resize(panels * x.rows * width);
  for (std::size_t slice = 0; slice * x.depth < weight.columns; ++slice) {
    const std::size_t k = slice * x.depth;
    for (std::size_t p = 0; p < panels; ++p) {
      const std::size_t depth = std::min(x.depth, weight.columns - k);
      float* to = sums.data() + p * x.rows * width;
      if (x.item == 1) {
        pack_byte_panel(weight, first + p * width, k, depth, byte_panel);
        multiply_byte_panel(byte_panel, x, slice, to);
      } else {
        pack_integer_panel(weight, first + p * width, k, depth, panel);
        multiply_integer_panel(panel, x, slice, to);
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
