// Numbers as integers of 16 or 8 bits with a common scale. Included once a Highway target.
#include <hwy/highway.h>

#include <cstdint>
#include <limits>

#if defined(OKO_TENSOR_CPU_ROUND_GROUP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_ROUND_GROUP_INL_H_
#undef OKO_TENSOR_CPU_ROUND_GROUP_INL_H_
#else
#define OKO_TENSOR_CPU_ROUND_GROUP_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr float kSmallestScale = 1e-30f;  // less would overflow as 1 / scale, and is nothing
constexpr float kRounding = 12'582'912;   // 1.5 · 2^23: what is added to it is rounded to whole

/// The scale by which the largest |x| becomes `limit`; NaN if one of x is.
HWY_INLINE float scale_of_group(const float* x, std::size_t size, float limit) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  // As integers the bits of absolute values are in their order, and those of NaN come last.
  auto largest = hn::Zero(di);
  for (std::size_t j = 0; j < size; j += hn::Lanes(d)) {
    largest = hn::Max(largest, hn::BitCast(di, hn::Abs(hn::LoadU(d, x + j))));
  }
  return hn::GetLane(hn::BitCast(d, hn::MaxOfLanes(di, largest))) / limit;
}

/// q[j] = x[j] / scale, rounded, with the scale that makes the largest |q| `limit`; returns it.
/// `size` is a multiple of the lanes.
HWY_INLINE float round_group(const float* x, std::size_t size, float limit, std::int16_t* q) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<std::int16_t, decltype(d)> half;
  const float scale = scale_of_group(x, size, limit);
  const auto inverse = hn::Set(d, scale > kSmallestScale ? 1.0f / scale : 0.0f);
  for (std::size_t j = 0; j < size; j += hn::Lanes(d)) {
    const auto whole = hn::NearestInt(hn::Mul(hn::LoadU(d, x + j), inverse));
    hn::StoreU(hn::DemoteTo(half, whole), half, q + j);
  }
  return scale;
}

/// The sum of x; `size` is a multiple of the lanes.
inline float group_sum(const float* x, std::size_t size) {
  const hn::ScalableTag<float> d;
  auto sum = hn::Zero(d);
  for (std::size_t j = 0; j < size; j += hn::Lanes(d)) sum = hn::Add(sum, hn::LoadU(d, x + j));
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

/// The lowest bytes of integers of -128..255.
HWY_INLINE hn::Vec<hn::Rebind<std::uint8_t, hn::ScalableTag<float>>> low_bytes(
    hn::Vec<hn::ScalableTag<float>> x) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  // Not TruncateTo: that of Highway 1.0.3 mixes up the bytes with AVX-512 VBMI.
  return hn::U8FromU32(hn::BitCast(du, hn::Add(x, hn::Set(d, kRounding))));
}

/// Numbers as bytes: x = scale · q.
struct RoundedBytes {
  float scale;
  std::int32_t sum;  ///< of q
};

/// The same in bytes, which are q + zero.
HWY_INLINE RoundedBytes round_bytes(const float* x, std::size_t size, float limit, int zero,
                                    std::uint8_t* bytes) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const hn::Rebind<std::uint8_t, decltype(d)> d8;
  const float scale = scale_of_group(x, size, limit);
  const auto inverse = hn::Set(d, scale > kSmallestScale ? 1.0f / scale : 0.0f);
  const auto base = hn::Set(d, kRounding + static_cast<float>(zero));
  auto sum = hn::Zero(du);
  for (std::size_t j = 0; j < size; j += hn::Lanes(d)) {
    const auto bits = hn::BitCast(du, hn::MulAdd(hn::LoadU(d, x + j), inverse, base));
    hn::StoreU(hn::U8FromU32(bits), d8, bytes + j);
    sum = hn::Add(sum, hn::Sub(bits, hn::BitCast(du, base)));
  }
  if (!(scale < std::numeric_limits<float>::infinity())) return {scale, 0};  // nor is q a number
  return {scale, static_cast<std::int32_t>(hn::GetLane(hn::SumOfLanes(du, sum)))};
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
