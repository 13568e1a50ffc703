// The product of many rows of activations with some rows of a weight, panel by panel.
// Included once a Highway target.
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tensor/cpu/activations-inl.h"
#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/amx-inl.h"
#include "tensor/cpu/arm_dot-inl.h"
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

/// One panel · all rows of x, columns of a slice, and what happens around each few rows of it.
struct PanelPass {
  const GemmTask& product;
  const IntegerInput& x;
  std::size_t slice = 0;
  std::size_t first_input = 0;     ///< row of y that x begins at
  std::size_t row = 0, count = 0;  ///< rows of the weight
  bool is_last = false;            ///< slice of the weight
  float* sums = nullptr;           ///< (rows of x, panel_rows())
  NextPanel next = {};

  float* of(std::size_t input) const { return sums + input * panel_rows(); }

  HWY_INLINE void begin(std::size_t input, std::size_t inputs) {
    next.prefetch(input + inputs, x.rows);
    if (is_last) prefetch_rows(product, first_input + input, inputs, row, count);
  }
  HWY_INLINE void end(std::size_t input, std::size_t inputs) const {
    for (std::size_t t = input; is_last && t < input + inputs; ++t) {
      finish_row(product, of(t), first_input + t, row, count);
    }
  }
};

inline void multiply_panel(PanelPass pass, const Panel& panel, const BytePanel& byte_panel) {
  const bool bytes = pass.x.item == 1;
  for_tiles(pass.x.rows, [&](auto inputs, std::size_t i) HWY_ATTR {
    pass.begin(i, inputs);
    if (bytes) {
      multiply_byte_tile<inputs>(byte_panel, pass.x, i, pass.slice, pass.of(i));
    } else {
      multiply_integer_tile<inputs>(panel, pass.x, i, pass.slice, pass.of(i));
    }
    pass.end(i, inputs);
  });
}

/// The same with AMX.
template <bool kHalves>
void multiply_panel_in_tiles(PanelPass pass, const AmxPanel& panel) {
  constexpr std::size_t kRows = kHalves ? kAmxRows : 2 * kAmxRows;
  for (std::size_t i = 0; i < pass.x.rows; i += kRows) {
    const std::size_t inputs = std::min(kRows, pass.x.rows - i);
    pass.begin(i, inputs);
    multiply_in_tiles<kHalves>(panel, pass.x, i, inputs, pass.slice, pass.of(i));
    pass.end(i, inputs);
  }
}

/// The same with Arm's products of bytes; `words` are those of the panel.
inline void multiply_panel_with_arm(PanelPass pass, const AmxPanel& panel, std::uint32_t* words) {
  const bool matrix = arm_dot() == ArmDot::kMatrix;
  if (matrix) pair_words(words, panel.groups * panel.group_size / 4);
  for_tiles(pass.x.rows, [&](auto inputs, std::size_t i) HWY_ATTR {
    pass.begin(i, inputs);
    multiply_arm_tile<inputs>(panel, matrix, pass.product.weight.bits, pass.x, i, pass.slice,
                              pass.of(i));
    pass.end(i, inputs);
  });
}

/// Packs the panel that `pass` is of, and multiplies.
inline void pack_and_multiply(const PanelPass& pass, std::size_t depth) {
  thread_local Panel panel;
  thread_local BytePanel byte_panel;
  const IntegerInput& x = pass.x;
  const WeightMatrix& weight = pass.product.weight;
  const std::size_t k = pass.slice * x.depth;
  if (x.item == 1) {
    pack_byte_panel(weight, pass.row, k, depth, byte_panel);
  } else {
    pack_integer_panel(weight, pass.row, k, depth, x.in_tiles, panel);
  }
  if (!x.in_tiles) return multiply_panel(pass, panel, byte_panel);
  std::uint32_t* const words = x.item == 1 ? byte_panel.words.data() : panel.bytes.data();
  const AmxPanel codes = x.item == 1
                             ? AmxPanel{words, byte_panel.scales.data(), byte_panel.biases.data(),
                                        byte_panel.groups, kByteGroup}
                             : AmxPanel{words, panel.scales.data(), panel.biases.data(),
                                        panel.groups, panel.group_size};
  if constexpr (kHasArmDot) return multiply_panel_with_arm(pass, codes, words);
  if (x.item == 1) return multiply_panel_in_tiles<false>(pass, codes);
  multiply_panel_in_tiles<true>(pass, codes);
}

/// Weight rows [first, last), the first one a multiple of panel_rows(), · all rows of x: their
/// columns of y, whose rows begin at `first_input`. Slices go outermost, so that those of x are
/// read from the second-level cache.
inline void multiply_integer_panels(const IntegerInput& x, const GemmTask& product,
                                    std::size_t first_input, std::size_t first, std::size_t last) {
  const WeightMatrix& weight = product.weight;
  const std::size_t width = panel_rows();
  thread_local AlignedVector<float> sums;  // (panels, rows of x, width): dense, unlike those of y
  const std::size_t panels = (last - first + width - 1) / width;
  sums.resize(panels * x.rows * width);
  if (x.in_tiles) configure_tiles();
  for (std::size_t slice = 0; slice * x.depth < weight.columns; ++slice) {
    const std::size_t k = slice * x.depth;
    const std::size_t depth = std::min(x.depth, weight.columns - k);
    const bool is_last = k + depth == weight.columns;
    for (std::size_t row = first; row < last; row += width) {
      NextPanel next;
      if (row + width < last) {
        next = {weight, row + width, std::min(width, last - row - width), k, depth};
      } else if (!is_last) {
        next = {weight, first, std::min(width, last - first), k + depth,
                std::min(x.depth, weight.columns - k - depth)};
      }
      pack_and_multiply({product, x, slice, first_input, row, std::min(width, last - row), is_last,
                         sums.data() + (row - first) * x.rows, next},
                        depth);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
