// The product of many rows of activations with a packed weight: a block of it is unpacked to 16
// bits and used for all rows. Included once a Highway target.
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/pair_dot-inl.h"
#include "tensor/cpu/unpack-inl.h"

#if defined(OKO_TENSOR_CPU_INTEGER_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_INTEGER_TILES_INL_H_
#undef OKO_TENSOR_CPU_INTEGER_TILES_INL_H_
#else
#define OKO_TENSOR_CPU_INTEGER_TILES_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
OKO_BEFORE_DOT()
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// Weight rows that lie side by side in a panel, one a 32-bit lane.
constexpr std::size_t kPanelLanes = 2;
/// Rows of x that a tile takes: its sums fill the registers.
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr std::size_t kTileInputs = 6;
#else
constexpr std::size_t kTileInputs = 4;
#endif
/// Steps of the inner loop written out: gcc copies every sum once a step around the loop's edge.
constexpr std::size_t kUnroll = 4;
/// Columns unpacked at a time: a panel of them stays in the first-level cache.
constexpr std::size_t kPanelDepth = 512;

inline std::size_t panel_rows() {
  return kPanelLanes * hn::Lanes(SumTag());
}

/// Columns [k, k + depth) of some weight rows.
struct Panel {
  std::size_t groups = 0;
  std::vector<std::int16_t> codes;  ///< (depth / 2, rows, 2)
  std::vector<float> scales;        ///< (groups, rows)
  std::vector<float> biases;        ///< (groups, rows)
};

/// One group of codes, in order.
HWY_INLINE void widen_codes(const std::uint8_t* packed, int bits, std::size_t size,
                            std::int16_t* HWY_RESTRICT codes) {
  if (bits == 8) {
    for (std::size_t j = 0; j < size; ++j) codes[j] = packed[j];
    return;
  }
  for (std::size_t j = 0; j < size / 2; ++j) {
    codes[2 * j] = packed[j] & 0x0F;
    codes[2 * j + 1] = packed[j] >> 4;
  }
}

/// Weight rows [first, first + panel_rows()), columns [k, k + depth). Rows that the weight does not
/// have are zero.
inline void pack_integer_panel(const WeightMatrix& weight, std::size_t first, std::size_t k,
                               std::size_t depth, Panel& panel) {
  const std::size_t width = panel_rows();
  const std::size_t size = weight.group_size;
  const std::size_t bits = static_cast<std::size_t>(weight.bits);
  panel.groups = depth / size;
  panel.codes.resize(depth * width);
  panel.scales.assign(panel.groups * width, 0.0f);
  panel.biases.assign(panel.groups * width, 0.0f);
  alignas(64) std::int16_t codes[128] = {};
  for (std::size_t r = 0; r < width; ++r) {
    const bool missing = first + r >= weight.rows;
    const std::size_t start = missing ? 0 : (first + r) * weight.columns + k;
    const auto* packed = static_cast<const std::uint8_t*>(weight.data) + start * bits / 8;
    if (missing) std::memset(codes, 0, sizeof(codes));
    for (std::size_t g = 0; g < panel.groups; ++g) {
      if (!missing) {
        widen_codes(packed + g * size * bits / 8, weight.bits, size, codes);
        panel.scales[g * width + r] = load_element(weight.scales, weight.type, start / size + g);
        panel.biases[g * width + r] = load_element(weight.biases, weight.type, start / size + g);
      }
      std::int16_t* to = panel.codes.data() + (g * size * width) + 2 * r;
      for (std::size_t j = 0; j < size; j += 2) std::memcpy(to + j * width, codes + j, 4);
    }
  }
}

/// out[t][row] += the panel · rows [input, input + kInputs) of x, columns from k on.
template <std::size_t kInputs>
HWY_INLINE void multiply_integer_tile(const Panel& panel, std::size_t group_size,
                                      const IntegerInput& x, std::size_t input, std::size_t k,
                                      float* HWY_RESTRICT out, std::size_t out_stride) {
  const FloatTag d;
  const SumTag di;
  const ShortTag ds;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t width = kPanelLanes * lanes;
  FloatVector total[kInputs][kPanelLanes];
  for (std::size_t t = 0; t < kInputs; ++t) {
    for (std::size_t v = 0; v < kPanelLanes; ++v) {
      total[t][v] = hn::LoadU(d, out + t * out_stride + v * lanes);
    }
  }
  const std::int16_t* codes = panel.codes.data();
  const std::int16_t* rows = x.q.data() + input * x.columns + k;
  for (std::size_t g = 0; g < panel.groups; ++g) {
    SumVector dot[kInputs][kPanelLanes];
    for (std::size_t t = 0; t < kInputs; ++t) {
      for (std::size_t v = 0; v < kPanelLanes; ++v) dot[t][v] = hn::Zero(di);
    }
    for (std::size_t j = 0; j < group_size; j += 2 * kUnroll) {
      for (std::size_t u = 0; u < kUnroll; ++u) {
        ShortVector code[kPanelLanes];
        for (std::size_t v = 0; v < kPanelLanes; ++v) {
          code[v] = hn::LoadU(ds, codes + 2 * lanes * (u * kPanelLanes + v));
        }
        for (std::size_t t = 0; t < kInputs; ++t) {
          std::int32_t pair;
          std::memcpy(&pair, rows + t * x.columns + 2 * u, sizeof(pair));
          const ShortVector factor = hn::BitCast(ds, hn::Set(di, pair));
          for (std::size_t v = 0; v < kPanelLanes; ++v) {
            dot[t][v] = add_pair_dot(dot[t][v], code[v], factor);
          }
        }
      }
      codes += 2 * kUnroll * width;
      rows += 2 * kUnroll;
    }
    const std::size_t x_group = input * x.groups + k / group_size + g;
    FloatVector scale[kPanelLanes], bias[kPanelLanes];
    for (std::size_t v = 0; v < kPanelLanes; ++v) {
      scale[v] = hn::LoadU(d, panel.scales.data() + g * width + v * lanes);
      bias[v] = hn::LoadU(d, panel.biases.data() + g * width + v * lanes);
    }
    for (std::size_t t = 0; t < kInputs; ++t) {
      const auto x_scale = hn::Set(d, x.scales[x_group + t * x.groups]);
      const auto x_sum = hn::Set(d, x.sums[x_group + t * x.groups]);
      for (std::size_t v = 0; v < kPanelLanes; ++v) {
        const auto product = hn::Mul(hn::ConvertTo(d, dot[t][v]), x_scale);
        total[t][v] = hn::MulAdd(product, scale[v], total[t][v]);
        total[t][v] = hn::MulAdd(bias[v], x_sum, total[t][v]);
      }
    }
  }
  for (std::size_t t = 0; t < kInputs; ++t) {
    for (std::size_t v = 0; v < kPanelLanes; ++v) {
      hn::StoreU(total[t][v], d, out + t * out_stride + v * lanes);
    }
  }
}

/// Weight rows [first, first + panel_rows()) · all m rows of x: y[:, first ...].
inline void multiply_integer_panel(const IntegerInput& x, std::size_t m, const WeightMatrix& weight,
                                   const float* bias, std::size_t first, float* y) {
  const std::size_t width = panel_rows();
  const std::size_t rows = std::min(width, weight.rows - first);
  thread_local Panel panel;
  thread_local std::vector<float> edge;  // a panel's worth of y where y itself is narrower
  float* out = y + first;
  std::size_t stride = weight.rows;
  if (rows < width) {
    edge.resize(m * width);
    out = edge.data();
    stride = width;
  }
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t r = 0; r < rows; ++r) {
      out[i * stride + r] = bias != nullptr ? bias[first + r] : 0.0f;
    }
  }
  for (std::size_t k = 0; k < weight.columns; k += kPanelDepth) {
    pack_integer_panel(weight, first, k, std::min(kPanelDepth, weight.columns - k), panel);
    const auto multiply = [&]<std::size_t kInputs>(std::size_t i) HWY_ATTR {
      multiply_integer_tile<kInputs>(panel, weight.group_size, x, i, k, out + i * stride, stride);
    };
    std::size_t i = 0;
    for (; i + kTileInputs <= m; i += kTileInputs) multiply.template operator()<kTileInputs>(i);
    for (; i + 2 <= m; i += 2) multiply.template operator()<2>(i);
    for (; i < m; ++i) multiply.template operator()<1>(i);
  }
  if (rows < width) {
    for (std::size_t i = 0; i < m; ++i) {
      std::copy_n(edge.data() + i * width, rows, y + i * weight.rows + first);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
OKO_AFTER_DOT()
HWY_AFTER_NAMESPACE();

#endif
