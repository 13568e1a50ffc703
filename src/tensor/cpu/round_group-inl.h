// Numbers as whole numbers of 16 or 8 bits with a common scale. Included once a Highway target.
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

/// A group of whole numbers.
struct RoundedGroup {
  float scale;
  std::int32_t sum;  ///< of the whole numbers
};

/// q[j] = x[j] / scale, rounded, with the scale that makes the largest |q| `limit`. `size` is a
/// multiple of the lanes. The sum of 16-bit numbers fits 32 bits up to 65,536 of them.
template <typename Whole>
HWY_INLINE RoundedGroup round_group(const float* x, std::size_t size, float limit, Whole* q) {
  constexpr float kSmallestScale = 1e-30f;  // less would overflow as 1 / scale, and is nothing
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const std::size_t lanes = hn::Lanes(d);
  auto largest = hn::Zero(d);
  for (std::size_t j = 0; j < size; j += lanes) {
    largest = hn::Max(largest, hn::Abs(hn::LoadU(d, x + j)));
  }
  const float scale = hn::GetLane(hn::MaxOfLanes(d, largest)) / limit;
  const auto inverse = hn::Set(d, scale > kSmallestScale ? 1.0f / scale : 0.0f);
  const hn::Rebind<Whole, decltype(d)> narrow;
  auto sum = hn::Zero(di);
  for (std::size_t j = 0; j < size; j += lanes) {
    const auto whole = hn::NearestInt(hn::Mul(hn::LoadU(d, x + j), inverse));
    sum = hn::Add(sum, whole);
    hn::StoreU(hn::DemoteTo(narrow, whole), narrow, q + j);
  }
  return {scale, hn::GetLane(hn::SumOfLanes(di, sum))};
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
