// Activations of a vector. Included once a Highway target.
#include <hwy/highway.h>
// Math functions build on the same target's vectors.
#include <hwy/contrib/math/math-inl.h>

#if defined(OKO_TENSOR_CPU_ACTIVATIONS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_ACTIVATIONS_INL_H_
#undef OKO_TENSOR_CPU_ACTIVATIONS_INL_H_
#else
#define OKO_TENSOR_CPU_ACTIVATIONS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// 1 / (1 + exp(-x)); the clamp keeps exp finite, where the quotient is 0 or 1 to f32 all the same.
template <typename D>
HWY_INLINE hn::Vec<D> sigmoid(D d, hn::Vec<D> x) {
  const auto clamped = hn::Max(x, hn::Set(d, -80.0f));
  const auto one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(clamped))));
}

/// The tanh approximation of GELU: x / 2 · (1 + tanh(z)) = x · sigmoid(2 z), z = sqrt(2 / pi) · (x
/// + 0.044715 x³).
template <typename D>
HWY_INLINE hn::Vec<D> gelu_tanh(D d, hn::Vec<D> x) {
  const auto cubic = hn::MulAdd(hn::Mul(hn::Mul(x, x), x), hn::Set(d, 0.044715f), x);
  return hn::Mul(x, sigmoid(d, hn::Mul(cubic, hn::Set(d, 1.5957691216057308f))));
}

/// GELU: x / 2 · (1 + erf(x / sqrt(2))).
template <typename D>
HWY_INLINE hn::Vec<D> gelu(D d, hn::Vec<D> x) {
  // erfc(z) = t (a1 + t (a2 + ...)) exp(-z²) with t = 1 / (1 + p z), z >= 0, off by at most 1.5e-7
  // (Abramowitz & Stegun 1964, 7.1.26).
  constexpr float kP = 0.3275911f;
  constexpr float kA[] = {0.254829592f, -0.284496736f, 1.421413741f, -1.453152027f, 1.061405429f};
  const auto z = hn::Mul(hn::Abs(x), hn::Set(d, 0.70710678f));
  const auto one = hn::Set(d, 1.0f);
  const auto t = hn::Div(one, hn::MulAdd(hn::Set(d, kP), z, one));
  auto sum = hn::Set(d, kA[4]);
  for (int k = 3; k >= 0; --k) sum = hn::MulAdd(sum, t, hn::Set(d, kA[k]));
  const auto erfc = hn::Mul(hn::Mul(sum, t), hn::Exp(d, hn::Neg(hn::Mul(z, z))));
  // x · erfc / 2 is what the negative half keeps and the positive one loses.
  const auto tail = hn::Mul(hn::Mul(x, hn::Set(d, 0.5f)), erfc);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(x, tail));
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
