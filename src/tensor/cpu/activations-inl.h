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

/// GELU: x / 2 · (1 + erf(x / sqrt(2))), off by at most 3e-7.
template <typename D>
HWY_INLINE hn::Vec<D> gelu(D d, hn::Vec<D> x) {
  // max(x, 0) - |x| · Q(|x|), where Q is the normal distribution's tail: a polynomial fitted to it
  // up to 5.5, behind which nothing is left, the largest error of |x| · Q made least.
  constexpr float kEnd = 5.5f;
  constexpr float kTail[] = {0.00297977263f, -0.0250080992f, 0.0945582017f,  -0.20680669f,
                             0.271882534f,   -0.177178144f,  -0.0513298176f, 0.218473315f,
                             -0.163342789f,  -0.034925472f,  0.133793667f,   -0.0492598787f,
                             -0.0440918803f, 0.0304263979f,  0.00554902619f, -0.00572015485f};
  constexpr int kDegree = sizeof(kTail) / sizeof(kTail[0]) - 1;
  const auto distance = hn::Min(hn::Abs(x), hn::Set(d, kEnd));
  const auto u = hn::MulAdd(distance, hn::Set(d, 2 / kEnd), hn::Set(d, -1.0f));
  auto tail = hn::Set(d, kTail[kDegree]);
  for (int k = kDegree - 1; k >= 0; --k) tail = hn::MulAdd(tail, u, hn::Set(d, kTail[k]));
  return hn::NegMulAdd(distance, tail, hn::Max(hn::Zero(d), x));  // in this order NaN stays NaN
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
