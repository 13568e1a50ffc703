// Reading weights: unpacking a row to f32, and the dot product of a packed row with a few rows of
// activations. Included once a Highway target.
#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

#include "tensor/cpu/matmul.h"
#include "tensor/cpu/prepared_input.h"

#if defined(OKO_TENSOR_CPU_UNPACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_UNPACK_INL_H_
#undef OKO_TENSOR_CPU_UNPACK_INL_H_
#else
#define OKO_TENSOR_CPU_UNPACK_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using FloatVector = hn::Vec<FloatTag>;

/// The elements of `data` from `index` on, as one vector of f32.
template <typename D>
HWY_INLINE hn::Vec<D> load_elements(D d, const void* data, ElementType type, std::size_t index) {
  if (type == ElementType::kFloat32) {
    return hn::LoadU(d, static_cast<const float*>(data) + index);
  }
  if (type == ElementType::kFloat16) {
    const hn::Rebind<hwy::float16_t, D> half;
    return hn::PromoteTo(d, hn::LoadU(half, static_cast<const hwy::float16_t*>(data) + index));
  }
  const hn::Rebind<std::uint16_t, D> du16;
  const hn::Rebind<std::uint32_t, D> du32;
  const auto bits = hn::LoadU(du16, static_cast<const std::uint16_t*>(data) + index);
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du32, bits)));
}

HWY_INLINE float load_element(const void* data, ElementType type, std::size_t index) {
  // By memcpy: a vector of one lane is loaded through a pointer that has to be aligned.
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  if (type == ElementType::kFloat32) {
    float value;
    std::memcpy(&value, bytes + index * sizeof(value), sizeof(value));
    return value;
  }
  std::uint16_t bits;
  std::memcpy(&bits, bytes + index * sizeof(bits), sizeof(bits));
  return hn::GetLane(load_elements(hn::CappedTag<float, 1>(), &bits, type, 0));
}

/// Codes 0..255 of `bytes`, one a lane, as f32.
HWY_INLINE FloatVector load_codes(const std::uint8_t* bytes) {
  const FloatTag d;
  const hn::Rebind<std::uint8_t, FloatTag> du8;
  const hn::Rebind<std::int32_t, FloatTag> di32;
  return hn::ConvertTo(d, hn::PromoteTo(di32, hn::LoadU(du8, bytes)));
}

/// Elements [start, start + count) of `data` as f32.
inline void load_floats(const void* data, ElementType type, std::size_t start, std::size_t count,
                        float* out) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(load_elements(d, data, type, start + i), d, out + i);
  }
  for (; i < count; ++i) out[i] = load_element(data, type, start + i);
}

/// One group of codes, in the order of the columns.
HWY_INLINE void unpack_codes(const std::uint8_t* packed, int bits, std::size_t count,
                             std::uint8_t* HWY_RESTRICT codes) {
  if (bits == 8) {
    std::memcpy(codes, packed, count);
    return;
  }
  const hn::CappedTag<std::uint8_t, 16> d;  // interleaving works in blocks of 16 bytes
  const std::size_t lanes = hn::Lanes(d);
  const auto low_mask = hn::Set(d, 0x0F);
  for (std::size_t i = 0; i < count / 2; i += lanes) {
    const auto pair = hn::LoadU(d, packed + i);
    const auto low = hn::And(pair, low_mask);
    const auto high = hn::ShiftRight<4>(pair);
    hn::StoreU(hn::InterleaveLower(d, low, high), d, codes + 2 * i);
    hn::StoreU(hn::InterleaveUpper(d, low, high), d, codes + 2 * i + lanes);
  }
}

inline void unpack_quantized(const WeightMatrix& weight, std::size_t row, std::size_t first,
                             std::size_t count, float* out) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t bits = static_cast<std::size_t>(weight.bits);
  const std::size_t groups = weight.columns / weight.group_size;
  const auto* packed =
      static_cast<const std::uint8_t*>(weight.data) + row * weight.columns * bits / 8;
  alignas(64) std::uint8_t codes[128];
  for (std::size_t i = 0; i < count; i += weight.group_size) {
    const std::size_t group = row * groups + (first + i) / weight.group_size;
    const auto scale = hn::Set(d, load_element(weight.scales, weight.type, group));
    const auto bias = hn::Set(d, load_element(weight.biases, weight.type, group));
    unpack_codes(packed + (first + i) * bits / 8, weight.bits, weight.group_size, codes);
    for (std::size_t j = 0; j < weight.group_size; j += lanes) {
      hn::StoreU(hn::MulAdd(load_codes(codes + j), scale, bias), d, out + i + j);
    }
  }
}

/// Columns [first, first + count) of a weight row as f32. Quantized: both are multiples of the
/// group.
inline void unpack_row(const WeightMatrix& weight, std::size_t row, std::size_t first,
                       std::size_t count, float* out) {
  if (weight.bits == 0) {
    load_floats(weight.data, weight.type, row * weight.columns + first, count, out);
  } else {
    unpack_quantized(weight, row, first, count, out);
  }
}

/// Sums of x over groups and, for 4 bits, the even and odd columns of each group apart, as the two
/// halves of a packed byte come out.
inline void prepare_input(const float* x, std::size_t m, const WeightMatrix& weight,
                          PreparedInput& prepared) {
  prepared.rows = x;
  if (weight.bits == 0) return;
  const std::size_t size = weight.group_size;
  const std::size_t groups = m * weight.columns / size;
  prepared.group_sums.resize(groups);
  if (weight.bits == 4) prepared.split.resize(m * weight.columns);
  for (std::size_t g = 0; g < groups; ++g) {
    const float* from = x + g * size;
    float sum = 0.0f;
    for (std::size_t j = 0; j < size; ++j) sum += from[j];
    prepared.group_sums[g] = sum;
    if (weight.bits != 4) continue;
    float* to = prepared.split.data() + g * size;
    for (std::size_t j = 0; j < size / 2; ++j) {
      to[j] = from[2 * j];
      to[size / 2 + j] = from[2 * j + 1];
    }
  }
}

template <std::size_t kM>
HWY_INLINE void dot_dense(const WeightMatrix& weight, std::size_t row, const PreparedInput& x,
                          float (&sum)[kM]) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t start = row * weight.columns;
  FloatVector total[kM][2];
  for (std::size_t i = 0; i < kM; ++i) total[i][0] = total[i][1] = hn::Zero(d);
  std::size_t k = 0;
  for (; k + 2 * lanes <= weight.columns; k += 2 * lanes) {
    for (std::size_t half = 0; half < 2; ++half) {
      const std::size_t at = k + half * lanes;
      const auto w = load_elements(d, weight.data, weight.type, start + at);
      for (std::size_t i = 0; i < kM; ++i) {
        total[i][half] =
            hn::MulAdd(w, hn::LoadU(d, x.rows + i * weight.columns + at), total[i][half]);
      }
    }
  }
  for (std::size_t i = 0; i < kM; ++i) {
    sum[i] = hn::GetLane(hn::SumOfLanes(d, hn::Add(total[i][0], total[i][1])));
  }
  for (; k < weight.columns; ++k) {
    const float w = load_element(weight.data, weight.type, start + k);
    for (std::size_t i = 0; i < kM; ++i) sum[i] += w * x.rows[i * weight.columns + k];
  }
}

/// sum over groups of scale * (codes · x) + bias * (sum of x): the codes never become weights.
template <std::size_t kM, int kBits>
HWY_INLINE void dot_quantized(const WeightMatrix& weight, std::size_t row, const PreparedInput& x,
                              float (&sum)[kM]) {
  const FloatTag d;
  const hn::Rebind<std::uint8_t, FloatTag> du8;
  const hn::Rebind<std::int32_t, FloatTag> di32;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t size = weight.group_size;
  const std::size_t groups = weight.columns / size;
  const auto low_mask = hn::Set(du8, 0x0F);
  const auto* packed =
      static_cast<const std::uint8_t*>(weight.data) + row * weight.columns * kBits / 8;
  FloatVector total[kM];
  float offset[kM] = {};
  for (std::size_t i = 0; i < kM; ++i) total[i] = hn::Zero(d);
  for (std::size_t g = 0; g < groups; ++g, packed += size * kBits / 8) {
    FloatVector part[kM];
    for (std::size_t i = 0; i < kM; ++i) part[i] = hn::Zero(d);
    for (std::size_t j = 0; j < size * kBits / 8; j += lanes) {
      const auto bytes = hn::LoadU(du8, packed + j);
      if constexpr (kBits == 4) {
        const auto even = hn::ConvertTo(d, hn::PromoteTo(di32, hn::And(bytes, low_mask)));
        const auto odd = hn::ConvertTo(d, hn::PromoteTo(di32, hn::ShiftRight<4>(bytes)));
        for (std::size_t i = 0; i < kM; ++i) {
          const float* split = x.split.data() + i * weight.columns + g * size + j;
          part[i] = hn::MulAdd(even, hn::LoadU(d, split), part[i]);
          part[i] = hn::MulAdd(odd, hn::LoadU(d, split + size / 2), part[i]);
        }
      } else {
        const auto code = hn::ConvertTo(d, hn::PromoteTo(di32, bytes));
        for (std::size_t i = 0; i < kM; ++i) {
          const float* values = x.rows + i * weight.columns + g * size + j;
          part[i] = hn::MulAdd(code, hn::LoadU(d, values), part[i]);
        }
      }
    }
    const std::size_t group = row * groups + g;
    const auto scale = hn::Set(d, load_element(weight.scales, weight.type, group));
    const float bias = load_element(weight.biases, weight.type, group);
    for (std::size_t i = 0; i < kM; ++i) {
      total[i] = hn::MulAdd(part[i], scale, total[i]);
      offset[i] += bias * x.group_sums[i * groups + g];
    }
  }
  for (std::size_t i = 0; i < kM; ++i) {
    sum[i] = hn::GetLane(hn::SumOfLanes(d, total[i])) + offset[i];
  }
}

/// sum[i] = weight row · row i of x.
template <std::size_t kM>
HWY_INLINE void dot_row(const WeightMatrix& weight, std::size_t row, const PreparedInput& x,
                        float (&sum)[kM]) {
  switch (weight.bits) {
    case 0:
      return dot_dense<kM>(weight, row, x, sum);
    case 4:
      return dot_quantized<kM, 4>(weight, row, x, sum);
    default:
      return dot_quantized<kM, 8>(weight, row, x, sum);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
