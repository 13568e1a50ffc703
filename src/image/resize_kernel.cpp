#include "image/resize_kernel.h"

#include <algorithm>

// Arrays cannot hold vectors of unknown size; those machines have NEON too.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "image/resize_kernel.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace oko::image::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

void weighted_sum(const std::uint8_t* first, std::size_t stride, const std::int32_t* weights,
                  std::size_t taps, std::uint8_t* out, std::size_t size) {
  const hn::CappedTag<std::int32_t, 16> d;
  const hn::Rebind<std::uint8_t, decltype(d)> d8;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + 3 * lanes <= size; i += 3 * lanes) {
    auto sum0 = hn::Set(d, kHalf);
    auto sum1 = sum0;
    auto sum2 = sum0;
    const std::uint8_t* in = first + i;
    for (std::size_t t = 0; t < taps; ++t, in += stride) {
      const auto weight = hn::Set(d, weights[t]);
      sum0 = hn::Add(sum0, hn::Mul(weight, hn::PromoteTo(d, hn::LoadU(d8, in))));
      sum1 = hn::Add(sum1, hn::Mul(weight, hn::PromoteTo(d, hn::LoadU(d8, in + lanes))));
      sum2 = hn::Add(sum2, hn::Mul(weight, hn::PromoteTo(d, hn::LoadU(d8, in + 2 * lanes))));
    }
    // DemoteTo clips: it saturates.
    hn::StoreU(hn::DemoteTo(d8, hn::ShiftRight<kWeightBits>(sum0)), d8, out + i);
    hn::StoreU(hn::DemoteTo(d8, hn::ShiftRight<kWeightBits>(sum1)), d8, out + i + lanes);
    hn::StoreU(hn::DemoteTo(d8, hn::ShiftRight<kWeightBits>(sum2)), d8, out + i + 2 * lanes);
  }
  for (; i < size; ++i) {
    std::int32_t sum = kHalf;
    for (std::size_t t = 0; t < taps; ++t) sum += weights[t] * first[t * stride + i];
    out[i] = static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
  }
}

// The scalar target, for processors without SSSE3, has no blocks and uses the plain loops only.
#if HWY_TARGET != HWY_SCALAR
using Tag8 = hn::FixedTag<std::uint8_t, kStripRows>;

/// Transposes 16 × 16 bytes: four rounds of shuffling the first half of the rows into the second.
HWY_INLINE void transpose(hn::Vec<Tag8> (&block)[kStripRows]) {
  const Tag8 d;
  constexpr std::size_t kHalfRows = kStripRows / 2;
  for (int round = 0; round < 4; ++round) {
    hn::Vec<Tag8> next[kStripRows];
    for (std::size_t i = 0; i < kHalfRows; ++i) {
      next[2 * i] = hn::InterleaveLower(d, block[i], block[i + kHalfRows]);
      next[2 * i + 1] = hn::InterleaveUpper(d, block[i], block[i + kHalfRows]);
    }
    std::copy(next, next + kStripRows, block);
  }
}

#endif

void pack_strip(const std::uint8_t* const* rows, std::size_t size, std::uint8_t* out) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const Tag8 d;
  for (; i + kStripRows <= size; i += kStripRows) {
    hn::Vec<Tag8> block[kStripRows];
    for (std::size_t r = 0; r < kStripRows; ++r) block[r] = hn::LoadU(d, rows[r] + i);
    transpose(block);
    for (std::size_t r = 0; r < kStripRows; ++r) {
      hn::StoreU(block[r], d, out + (i + r) * kStripRows);
    }
  }
#endif
  for (; i < size; ++i) {
    for (std::size_t r = 0; r < kStripRows; ++r) out[i * kStripRows + r] = rows[r][i];
  }
}

void unpack_strip(const std::uint8_t* strip, std::size_t size, std::uint8_t* const* rows,
                  std::size_t count) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const Tag8 d;
  for (; i + kStripRows <= size; i += kStripRows) {
    hn::Vec<Tag8> block[kStripRows];
    for (std::size_t r = 0; r < kStripRows; ++r) {
      block[r] = hn::LoadU(d, strip + (i + r) * kStripRows);
    }
    transpose(block);
    for (std::size_t r = 0; r < count; ++r) hn::StoreU(block[r], d, rows[r] + i);
  }
#endif
  for (; i < size; ++i) {
    for (std::size_t r = 0; r < count; ++r) rows[r][i] = strip[i * kStripRows + r];
  }
}

}  // namespace oko::image::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::image {

HWY_EXPORT(weighted_sum);
HWY_EXPORT(pack_strip);
HWY_EXPORT(unpack_strip);

void weighted_sum(const std::uint8_t* first, std::size_t stride, const std::int32_t* weights,
                  std::size_t taps, std::uint8_t* out, std::size_t size) {
  HWY_DYNAMIC_DISPATCH(weighted_sum)(first, stride, weights, taps, out, size);
}

void pack_strip(const std::uint8_t* const rows[kStripRows], std::size_t size, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(pack_strip)(rows, size, out);
}

void unpack_strip(const std::uint8_t* strip, std::size_t size, std::uint8_t* const* rows,
                  std::size_t count) {
  HWY_DYNAMIC_DISPATCH(unpack_strip)(strip, size, rows, count);
}

}  // namespace oko::image
#endif  // HWY_ONCE
