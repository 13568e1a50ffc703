// Transposition of 4 x 4 words. Included once a Highway target.
#include <hwy/highway.h>

#include <cstdint>

#if defined(OKO_TENSOR_CPU_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_TRANSPOSE_INL_H_
#undef OKO_TENSOR_CPU_TRANSPOSE_INL_H_
#else
#define OKO_TENSOR_CPU_TRANSPOSE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Four words (or floats) of each of four rows, transposed; no alignment asked.
HWY_INLINE void transpose_words(const void* const from[4], void* const to[4]) {
  const hn::Full128<std::uint8_t> d8;
  const hn::Full128<std::uint32_t> d;
  const hn::Full128<std::uint64_t> d64;
  const auto row = [&](int r) HWY_ATTR {
    return hn::BitCast(d, hn::LoadU(d8, static_cast<const std::uint8_t*>(from[r])));
  };
  const auto store = [&](auto words, int r) HWY_ATTR {
    hn::StoreU(hn::BitCast(d8, words), d8, static_cast<std::uint8_t*>(to[r]));
  };
  const auto a = row(0), b = row(1), c = row(2), e = row(3);
  const auto ab_low = hn::BitCast(d64, hn::InterleaveLower(d, a, b));
  const auto ab_high = hn::BitCast(d64, hn::InterleaveUpper(d, a, b));
  const auto ce_low = hn::BitCast(d64, hn::InterleaveLower(d, c, e));
  const auto ce_high = hn::BitCast(d64, hn::InterleaveUpper(d, c, e));
  store(hn::InterleaveLower(d64, ab_low, ce_low), 0);
  store(hn::InterleaveUpper(d64, ab_low, ce_low), 1);
  store(hn::InterleaveLower(d64, ab_high, ce_high), 2);
  store(hn::InterleaveUpper(d64, ab_high, ce_high), 3);
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif
