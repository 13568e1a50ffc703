// Products of 16-bit numbers summed in pairs into 32 bits, and of 8-bit numbers in fours, by each
// target's own instruction: Highway before 1.1 has none that keeps the order. Included once a
// Highway target.
#include <hwy/highway.h>

#include <cstdint>

#if defined(OKO_TENSOR_CPU_PAIR_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_PAIR_DOT_INL_H_
#undef OKO_TENSOR_CPU_PAIR_DOT_INL_H_
#else
#define OKO_TENSOR_CPU_PAIR_DOT_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using ShortTag = hn::ScalableTag<std::int16_t>;
using ShortVector = hn::Vec<ShortTag>;
using SumTag = hn::ScalableTag<std::int32_t>;
using SumVector = hn::Vec<SumTag>;

/// True if a processor multiplies more such pairs at a time than f32 numbers.
inline bool pair_dot_is_fast() {
  return HWY_ARCH_X86 != 0;
}

/// sum[j] + a[2j] · b[2j] + a[2j + 1] · b[2j + 1].
HWY_INLINE SumVector add_pair_dot(SumVector sum, ShortVector a, ShortVector b) {
#if HWY_TARGET == HWY_AVX3_DL
  // Not the intrinsic: gcc copies and spills the sums around it, which costs a third of the speed.
  asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  return sum;
#elif HWY_TARGET == HWY_AVX3
  return hn::Add(sum, SumVector{_mm512_madd_epi16(a.raw, b.raw)});
#elif HWY_TARGET == HWY_AVX2
  return hn::Add(sum, SumVector{_mm256_madd_epi16(a.raw, b.raw)});
#elif HWY_TARGET == HWY_SSE4
  return hn::Add(sum, SumVector{_mm_madd_epi16(a.raw, b.raw)});
#elif HWY_TARGET == HWY_NEON
  const int32x4_t low = vmull_s16(vget_low_s16(a.raw), vget_low_s16(b.raw));
  const int32x4_t high = vmull_high_s16(a.raw, b.raw);
  return hn::Add(sum, SumVector(vpaddq_s32(low, high)));
#else
  // Even elements are the low halves of 32-bit lanes, odd ones the high halves.
  const SumTag d;
  const auto even = [&](ShortVector v) HWY_ATTR {
    return hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(d, v)));
  };
  const auto odd = [&](ShortVector v) HWY_ATTR { return hn::ShiftRight<16>(hn::BitCast(d, v)); };
  return hn::Add(sum, hn::Add(hn::Mul(even(a), even(b)), hn::Mul(odd(a), odd(b))));
#endif
}

/// True if this target has an instruction for `add_byte_dot`. Others are not faster with 8 bits
/// than with 16: AVX2's saturates.
#if HWY_TARGET == HWY_AVX3_DL
constexpr bool kHasByteDot = true;
#else
constexpr bool kHasByteDot = false;
#endif

/// sum[j] + a[4j] · b[4j] + ... + a[4j + 3] · b[4j + 3]; a holds numbers of 0..255, b of -128..127.
HWY_INLINE SumVector add_byte_dot(SumVector sum, SumVector a, SumVector b) {
#if HWY_TARGET == HWY_AVX3_DL
  asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  return sum;
#else
  static_cast<void>(a);
  static_cast<void>(b);
  return sum;  // not called: kHasByteDot
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
