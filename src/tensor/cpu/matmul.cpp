#include "tensor/cpu/matmul.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "tensor/cpu/integer_matmul.h"
#include "tensor/cpu/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/matmul.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "tensor/cpu/tile-inl.h"
#include "tensor/cpu/unpack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

// Blocks of the product of many rows. A block of weight rows, unpacked to f32, stays in the
// second-level cache (48 × 256 × 4 = 48 kB) while all of x, packed in panels, passes over it.
constexpr std::size_t kBlockDepth = 256;
constexpr std::size_t kPanelVectors = 2;

std::size_t panel_width() {
  return kPanelVectors * hn::Lanes(hn::ScalableTag<float>());
}

/// Packs rows [first, first + width) of x (m rows) as panel[k][j] = x[first + j][k]; missing rows
/// are zero.
void pack_panel(const float* x, std::size_t m, std::size_t columns, std::size_t first,
                float* panel) {
  const std::size_t width = panel_width();
  const std::size_t count = std::min(width, m - first);
  for (std::size_t k0 = 0; k0 < columns; k0 += 16) {
    const std::size_t k1 = std::min(columns, k0 + 16);
    for (std::size_t j = 0; j < width; ++j) {
      const float* row = x + (first + j) * columns;
      for (std::size_t k = k0; k < k1; ++k) panel[k * width + j] = j < count ? row[k] : 0.0f;
    }
  }
}

/// Weight rows [first, first + kBlockRows) times all panels: y[:, first ...].
void multiply_block(const float* panels, std::size_t m, const WeightMatrix& weight,
                    const float* bias, std::size_t first, float* y) {
  const std::size_t width = panel_width();
  const std::size_t rows = std::min(kBlockRows, weight.rows - first);
  const std::size_t padded_m = (m + width - 1) / width * width;
  thread_local std::vector<float> unpacked;
  thread_local std::vector<float> sums;  // (kBlockRows, padded_m), transposed
  unpacked.assign(kBlockRows * kBlockDepth, 0.0f);
  sums.resize(kBlockRows * padded_m);

  for (std::size_t k0 = 0; k0 < weight.columns; k0 += kBlockDepth) {
    const std::size_t depth = std::min(kBlockDepth, weight.columns - k0);
    for (std::size_t r = 0; r < rows; ++r) {
      unpack_row(weight, first + r, k0, depth, unpacked.data() + r * kBlockDepth);
    }
    for (std::size_t j = 0; j < padded_m; j += width) {
      const float* panel = panels + j * weight.columns + k0 * width;
      for (std::size_t r = 0; r < rows; r += kTileRows) {
        multiply_tile<kTileRows, kPanelVectors, kBlockDepth>(
            unpacked.data() + r * kBlockDepth, 1, panel, depth, sums.data() + r * padded_m + j,
            padded_m, k0 > 0);
      }
    }
  }
  for (std::size_t i = 0; i < m; ++i) {
    float* out = y + i * weight.rows + first;
    for (std::size_t r = 0; r < rows; ++r) {
      out[r] = sums[r * padded_m + i] + (bias != nullptr ? bias[first + r] : 0.0f);
    }
  }
}

/// y[i][first .. last) for kM rows of x at once, reading the weight once.
template <std::size_t kM>
void multiply_rows(const PreparedInput& x, const WeightMatrix& weight, const float* bias,
                   std::size_t first, std::size_t last, float* y) {
  for (std::size_t row = first; row < last; ++row) {
    float sum[kM];
    dot_row<kM>(weight, row, x, sum);
    for (std::size_t i = 0; i < kM; ++i) {
      y[i * weight.rows + row] = sum[i] + (bias != nullptr ? bias[row] : 0.0f);
    }
  }
}

void multiply_few(const PreparedInput& x, std::size_t m, const WeightMatrix& weight,
                  const float* bias, std::size_t first, std::size_t last, float* y) {
  switch (m) {
    case 1:
      return multiply_rows<1>(x, weight, bias, first, last, y);
    case 2:
      return multiply_rows<2>(x, weight, bias, first, last, y);
    case 3:
      return multiply_rows<3>(x, weight, bias, first, last, y);
    default:
      return multiply_rows<4>(x, weight, bias, first, last, y);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::tensor::cpu {
namespace {

HWY_EXPORT(panel_width);
HWY_EXPORT(pack_panel);
HWY_EXPORT(multiply_block);
HWY_EXPORT(multiply_few);
HWY_EXPORT(prepare_input);

constexpr std::size_t kRowsAtOnce = 4;  // of x that one reading of the weight serves
constexpr std::size_t kRowsPerTask = 64;
constexpr std::size_t kMaxPackedRows = 512;  // of x at a time: bounds the packed copy

void matmul_few(const float* x, std::size_t m, const WeightMatrix& weight, const float* bias,
                float* y) {
  PreparedInput prepared;
  HWY_DYNAMIC_DISPATCH(prepare_input)(x, m, weight, prepared);
  thread_pool().parallel_ranges(
      weight.rows, kRowsPerTask, [&](std::size_t first, std::size_t last) {
        HWY_DYNAMIC_DISPATCH(multiply_few)(prepared, m, weight, bias, first, last, y);
      });
}

void matmul_many(const float* x, std::size_t m, const WeightMatrix& weight, const float* bias,
                 float* y) {
  const std::size_t width = HWY_DYNAMIC_DISPATCH(panel_width)();
  const std::size_t panels = (m + width - 1) / width;
  std::vector<float> packed(panels * width * weight.columns);
  thread_pool().parallel_for(panels, [&](std::size_t panel) {
    HWY_DYNAMIC_DISPATCH(pack_panel)
    (x, m, weight.columns, panel * width, packed.data() + panel * width * weight.columns);
  });
  const std::size_t blocks = (weight.rows + kBlockRows - 1) / kBlockRows;
  thread_pool().parallel_for(blocks, [&](std::size_t block) {
    HWY_DYNAMIC_DISPATCH(multiply_block)
    (packed.data(), m, weight, bias, block * kBlockRows, y);
  });
}

}  // namespace

void matmul(const float* x, std::size_t m, const WeightMatrix& weight, const float* bias, float* y,
            Precision precision) {
  if (m == 0) return;
  if (prefers_int_gemm(weight, m, precision)) {
    const GemmTask product{.weight = weight, .bias = bias, .y = y};
    return integer_matmul(x, m, {&product, 1}, precision);
  }
  if (m <= kMaxGemvRows) {
    for (std::size_t i = 0; i < m; i += kRowsAtOnce) {
      matmul_few(x + i * weight.columns, std::min(kRowsAtOnce, m - i), weight, bias,
                 y + i * weight.rows);
    }
    return;
  }
  for (std::size_t i = 0; i < m; i += kMaxPackedRows) {
    matmul_many(x + i * weight.columns, std::min(kMaxPackedRows, m - i), weight, bias,
                y + i * weight.rows);
  }
}

void matmul(const float* x, std::size_t m, std::span<const GemmTask> products,
            Precision precision) {
  const WeightMatrix& first = products.front().weight;
  const bool alike = std::all_of(products.begin(), products.end(), [&](const GemmTask& product) {
    return product.weight.bits == first.bits && product.weight.group_size == first.group_size &&
           product.weight.type == first.type;
  });
  if (m > 0 && alike && prefers_int_gemm(first, m, precision)) {
    return integer_matmul(x, m, products, precision);
  }
  for (const GemmTask& product : products) {
    matmul(x, m, product.weight, product.bias, product.y, precision);
  }
  finish_products(m, products);
}

}  // namespace oko::tensor::cpu
#endif
