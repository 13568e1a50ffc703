#include "tensor/cpu/softmax.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/softmax.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Math functions build on the same target's vectors.
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Numbers whose sum may be one of f32: a larger one loses the smallest of them.
constexpr std::size_t kRun = 1024;

double softmax_weights_in(float* logits, std::size_t count, float maximum, float temperature) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto shift = hn::Set(d, maximum);
  const auto divisor = hn::Set(d, temperature);
  double total = 0;
  for (std::size_t first = 0; first < count; first += kRun) {
    const std::size_t end = std::min(count, first + kRun);
    auto sum = hn::Zero(d);
    std::size_t i = first;
    for (; i + lanes <= end; i += lanes) {
      const auto exponent = hn::Div(hn::Sub(hn::LoadU(d, logits + i), shift), divisor);
      const auto weight = hn::Exp(d, exponent);
      hn::StoreU(weight, d, logits + i);
      sum = hn::Add(sum, weight);
    }
    total += hn::GetLane(hn::SumOfLanes(d, sum));
    for (; i < end; ++i) {
      const auto exponent = hn::Div(hn::Sub(hn::Set(d, logits[i]), shift), divisor);
      logits[i] = hn::GetLane(hn::Exp(d, exponent));
      total += logits[i];
    }
  }
  return total;
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::tensor::cpu {

HWY_EXPORT(softmax_weights_in);

double softmax_weights(float* logits, std::size_t count, float maximum, float temperature) {
  return HWY_DYNAMIC_DISPATCH(softmax_weights_in)(logits, count, maximum, temperature);
}

}  // namespace oko::tensor::cpu
#endif
