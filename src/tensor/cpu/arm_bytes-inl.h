// Arm's instructions for products of bytes, which a processor of the NEON target may lack:
// `arm_dot()` tells. Included once a Highway target.
#include <hwy/highway.h>

#include <cstdint>

#include "tensor/cpu/arm_dot.h"
#include "tensor/cpu/pair_dot-inl.h"

#if defined(OKO_TENSOR_CPU_ARM_BYTES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_ARM_BYTES_INL_H_
#undef OKO_TENSOR_CPU_ARM_BYTES_INL_H_
#else
#define OKO_TENSOR_CPU_ARM_BYTES_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_NEON || defined(OKO_MODEL_OF_ARM_DOT)
constexpr bool kHasArmDot = true;  // arm_dot_test has a model of what NEON alone has
#else
constexpr bool kHasArmDot = false;
#endif

/// True if kernels multiply by these.
inline bool uses_arm_dot() {
  return kHasArmDot && arm_dot() != ArmDot::kNone;
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

// A function with one of these may hold instructions that the rest of its target has not. gcc 12
// goes on with them until Highway's region ends, so that all of this one have them.
#undef OKO_DOT
#undef OKO_MATRIX
#if HWY_TARGET == HWY_NEON
#define OKO_DOT __attribute__((target("arch=armv8.2-a+crypto+dotprod")))
#define OKO_MATRIX __attribute__((target("arch=armv8.2-a+crypto+dotprod+i8mm")))
#else
#define OKO_DOT
#define OKO_MATRIX
#endif

#if HWY_TARGET == HWY_NEON || defined(OKO_MODEL_OF_ARM_DOT)
HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_NEON
/// sum[j] + a[4j] · b[4j] + ... + a[4j + 3] · b[4j + 3], both of -128..127.
HWY_INLINE OKO_DOT SumVector add_signed_dot(SumVector sum, SumVector a, SumVector b) {
  return SumVector(vdotq_s32(sum.raw, vreinterpretq_s8_s32(a.raw), vreinterpretq_s8_s32(b.raw)));
}

/// The same, both of 0..255.
HWY_INLINE OKO_DOT SumVector add_unsigned_dot(SumVector sum, SumVector a, SumVector b) {
  return SumVector(vreinterpretq_s32_u32(vdotq_u32(
      vreinterpretq_u32_s32(sum.raw), vreinterpretq_u8_s32(a.raw), vreinterpretq_u8_s32(b.raw))));
}

/// Of a, two rows of 8 numbers of 0..255, with each of the two rows of b: a0·b0, a0·b1, a1·b0,
/// a1·b1. Those of b are of -128..127, or with kUnsigned of 0..255.
template <bool kUnsigned>
HWY_INLINE OKO_MATRIX SumVector add_matrix_dot(SumVector sum, SumVector a, SumVector b) {
  const uint8x16_t codes = vreinterpretq_u8_s32(a.raw);
  if constexpr (kUnsigned) {
    return SumVector(vreinterpretq_s32_u32(
        vmmlaq_u32(vreinterpretq_u32_s32(sum.raw), codes, vreinterpretq_u8_s32(b.raw))));
  } else {
    return SumVector(vusmmlaq_s32(sum.raw, codes, vreinterpretq_s8_s32(b.raw)));
  }
}
#endif

/// 4 lanes of all ones in each byte, or of what turns bytes of 0..255 into ones of -128..127.
HWY_INLINE OKO_DOT SumVector bytes_of(std::uint8_t byte) {
  return hn::Set(SumTag(), static_cast<std::int32_t>(0x01010101u * byte));
}

/// 16 bytes from anywhere.
HWY_INLINE OKO_DOT SumVector load_bytes(const void* from) {
  const hn::Repartition<std::uint8_t, SumTag> d8;
  return hn::BitCast(SumTag(), hn::LoadU(d8, static_cast<const std::uint8_t*>(from)));
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();
#endif

#endif
