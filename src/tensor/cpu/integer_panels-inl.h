// The product of many rows of activations with some rows of a weight, panel by panel.
// Included once a Highway target.
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "tensor/cpu/activations-inl.h"
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

/// One row's columns [first, first + count) of what `product` makes of sums.
HWY_INLINE void finish_row(const GemmTask& product, const float* HWY_RESTRICT sums, std::size_t row,
                           std::size_t first, std::size_t count) {
  const std::size_t start = row * product.weight.rows + first;
  const auto finish = [&](auto d, std::size_t i) HWY_ATTR {
    auto y = hn::LoadU(d, sums + i);
    if (product.bias != nullptr) y = hn::Add(y, hn::LoadU(d, product.bias + first + i));
    if (product.activation == Activation::kGelu) y = gelu(d, y);
    if (product.activation == Activation::kGeluTanh) y = gelu_tanh(d, y);
    if (product.residual != nullptr) y = hn::Add(y, hn::LoadU(d, product.residual + start + i));
    hn::StoreU(y, d, product.y + start + i);
  };
  const FloatTag d;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) finish(d, i);
  for (; i < count; ++i) finish(hn::CappedTag<float, 1>(), i);
}

/// Lines of y are far apart: they are asked for before what will fill them is known.
HWY_INLINE void prefetch_rows(const GemmTask& product, std::size_t row, std::size_t rows,
                              std::size_t first, std::size_t count) {
  for (std::size_t i = row; i < row + rows; ++i) {
    const std::size_t start = i * product.weight.rows + first;
    for (std::size_t r = start; r < start + count; r += 16) {
      __builtin_prefetch(product.y + r, 1);
      if (product.residual != nullptr) __builtin_prefetch(product.residual + r);
    }
  }
}

/// Weight rows [first, last), the first one a multiple of panel_rows(), · all rows of x: their
/// columns of y, whose rows begin at `first_input`. Slices go outermost, so that those of x are
/// read from the second-level cache.
inline void multiply_integer_panels(const IntegerInput& x, const GemmTask& product,
                                    std::size_t first_input, std::size_t first, std::size_t last) {
  const WeightMatrix& weight = product.weight;
  const std::size_t width = panel_rows();
  thread_local Panel panel;
  thread_local BytePanel byte_panel;
  thread_local AlignedVector<float> sums;  // (panels, rows of x, width): dense, unlike those of y
  const std::size_t panels = (last - first + width - 1) / width;
  sums.resize(panels * x.rows * width);
  for (std::size_t slice = 0; slice * x.depth < weight.columns; ++slice) {
    const std::size_t k = slice * x.depth;
    const std::size_t depth = std::min(x.depth, weight.columns - k);
    const bool is_last = k + depth == weight.columns;
    for (std::size_t row = first; row < last; row += width) {
      const std::size_t count = std::min(width, last - row);
      float* to = sums.data() + (row - first) * x.rows;
      if (x.item == 1) {
        pack_byte_panel(weight, row, k, depth, byte_panel);
      } else {
        pack_integer_panel(weight, row, k, depth, panel);
      }
      for_tiles(x.rows, [&](auto inputs, std::size_t i) HWY_ATTR {
        if (is_last) prefetch_rows(product, first_input + i, inputs, row, count);
        if (x.item == 1) {
          multiply_byte_tile<inputs>(byte_panel, x, i, slice, to + i * width);
        } else {
          multiply_integer_tile<inputs>(panel, x, i, slice, to + i * width);
        }
        for (std::size_t t = i; is_last && t < i + inputs; ++t) {
          finish_row(product, to + t * width, first_input + t, row, count);
        }
      });
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
