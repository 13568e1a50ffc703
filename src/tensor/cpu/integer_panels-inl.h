// The product of many rows of activations with some rows of a weight, panel by panel.
// Included once a Highway target.
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

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

/// The part of a weight that the next panel is made of. Prefetches its cache lines while the
/// panel before is multiplied: the hardware does not follow such large strides.
class NextPanel {
 public:
  NextPanel() = default;
  /// Rows [first, first + rows), columns [k, k + depth).
  NextPanel(const WeightMatrix& weight, std::size_t first, std::size_t rows, std::size_t k,
            std::size_t depth) {
    const std::size_t bits = weight.bits == 0 ? 16 : static_cast<std::size_t>(weight.bits);
    row_bytes_ = weight.columns * bits / 8;
    data_ = static_cast<const std::uint8_t*>(weight.data) + first * row_bytes_ + k * bits / 8;
    row_lines_ = (depth * bits / 8 + kLine - 1) / kLine;
    lines_ = rows * row_lines_;
  }

  /// Asks for the lines up to `share` of `all`.
  HWY_INLINE void prefetch(std::size_t share, std::size_t all) {
    for (const std::size_t end = lines_ * share / all; next_ < end; ++next_) {
      const std::size_t row = next_ / row_lines_, line = next_ % row_lines_;
      __builtin_prefetch(data_ + row * row_bytes_ + line * kLine, 0, 2);
    }
  }

 private:
  static constexpr std::size_t kLine = 64;
  const std::uint8_t* data_ = nullptr;
  std::size_t row_bytes_ = 0;
  std::size_t row_lines_ = 1;
  std::size_t lines_ = 0;
  std::size_t next_ = 0;
};

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
      NextPanel next;
      if (row + width < last) {
        next = {weight, row + width, std::min(width, last - row - width), k, depth};
      } else if (!is_last) {
        next = {weight, first, std::min(width, last - first), k + depth,
                std::min(x.depth, weight.columns - k - depth)};
      }
      for_tiles(x.rows, [&](auto inputs, std::size_t i) HWY_ATTR {
        next.prefetch(i + inputs, x.rows);
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
