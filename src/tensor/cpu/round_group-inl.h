// Numbers as whole numbers of 16 bits with a common scale. Included once a Highway target.
#include <hwy/highway.h>

#include <cstdint>

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

/// q[j] = x[j] / scale, rounded, with the scale that makes the largest |q| `limit`; returns it.
/// `size` is a multiple of the lanes.
inline float round_group(const float* x, std::size_t size, float limit, std::int16_t* q) {
  constexpr float kSmallestScale = 1e-30f;  // less would overflow as 1 / scale, and is nothing
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  auto largest = hn::Zero(d);
  for (std::size_t j = 0; j < size; j += lanes) {
    largest = hn::Max(largest, hn::Abs(hn::LoadU(d, x + j)));
  }
  const float scale = hn::GetLane(hn::MaxOfLanes(d, largest)) / limit;
  const auto inverse = hn::Set(d, scale > kSmallestScale ? 1.0f / scale : 0.0f);
  const hn::Rebind<std::int16_t, decltype(d)> half;
  for (std::size_t j = 0; j < size; j += lanes) {
    const auto whole = hn::NearestInt(hn::Mul(hn::LoadU(d, x + j), inverse));
    hn::StoreU(hn::DemoteTo(half, whole), half, q + j);
  }
  return scale;
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
