#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "index/token_codes_layout.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/token_rounding.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef OKO_INDEX_TOKEN_ROUNDING_LEVELS_
#define OKO_INDEX_TOKEN_ROUNDING_LEVELS_
namespace oko::index {

/// Positive levels of a normal distribution of deviation 1, times `unit`, rounded.
template <std::size_t kCount>
struct PositiveLevels {
  float unit;
  std::array<int, kCount> levels;
};
inline constexpr PositiveLevels<2> kTwoBits{127.0f / 1.5104f, {38, 127}};  // 0.4528, 1.5104
inline constexpr PositiveLevels<8> kFourBits{126.0f / 2.7326f,             // 0.1284 .. 2.7326
                                             {6, 18, 30, 43, 58, 75, 95, 126}};

/// What a vector is rounded by.
struct Magnitudes {
  float largest = 0.0f;
  float all = 0.0f;  ///< NaN if a number is not finite, else 0
};

}  // namespace oko::index
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::index {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

Magnitudes measure(const float* x, std::size_t size) {
  const Tag d;
  auto largest = hn::Zero(d), all = hn::Zero(d);
  for (std::size_t i = 0; i < size; i += hn::Lanes(d)) {
    const auto v = hn::LoadU(d, x + i);
    largest = hn::Max(largest, hn::Abs(v));
    all = hn::Add(all, hn::Mul(v, hn::Zero(d)));
  }
  return {hn::GetLane(hn::MaxOfLanes(d, largest)), hn::GetLane(hn::SumOfLanes(d, all))};
}

/// Sum of squares of x · factor.
float squares(const float* x, std::size_t size, float factor) {
  const Tag d;
  auto sum = hn::Zero(d);
  for (std::size_t i = 0; i < size; i += hn::Lanes(d)) {
    const auto v = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, factor));
    sum = hn::MulAdd(v, v, sum);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

HWY_INLINE void store_codes(hn::Vec<hn::RebindToSigned<Tag>> codes, std::uint8_t* to) {
  const hn::Rebind<std::uint8_t, Tag> du8;
  hn::StoreU(hn::DemoteTo(du8, codes), du8, to);
}

/// Evenly spaced levels up to 127. Returns the sum of x · factor · level.
float round_evenly(const float* x, std::size_t size, float factor, std::uint8_t* codes) {
  const Tag d;
  const hn::RebindToSigned<Tag> di;
  auto sum = hn::Zero(d);
  for (std::size_t i = 0; i < size; i += hn::Lanes(d)) {
    const auto v = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, factor));
    const auto level = hn::NearestInt(v);
    sum = hn::MulAdd(v, hn::ConvertTo(d, level), sum);
    store_codes(hn::Add(level, hn::Set(di, kTokenZero)), codes + i);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

/// Indices of the nearest levels. Returns the sum of x · factor · level.
template <std::size_t kCount>
HWY_INLINE float round_to(const std::array<int, kCount>& levels, const float* x, std::size_t size,
                          float factor, std::uint8_t* codes) {
  const Tag d;
  const hn::RebindToSigned<Tag> di;
  auto sum = hn::Zero(d);
  for (std::size_t i = 0; i < size; i += hn::Lanes(d)) {
    const auto v = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, factor));
    const auto magnitude = hn::Abs(v);
    auto level = hn::Set(d, static_cast<float>(levels[0]));
    auto above = hn::Zero(di);  // minus the number of cuts below
    for (std::size_t next = 1; next < kCount; ++next) {
      const auto cut = hn::Set(d, 0.5f * static_cast<float>(levels[next - 1] + levels[next]));
      const auto is_above = hn::Gt(magnitude, cut);
      const auto upper = hn::Set(d, static_cast<float>(levels[next]));
      level = hn::IfThenElse(is_above, upper, level);
      above = hn::Add(above, hn::VecFromMask(di, hn::RebindMask(di, is_above)));
    }
    sum = hn::MulAdd(magnitude, level, sum);
    // kCount + n above zero, else kCount - 1 - n.
    const auto is_positive = hn::RebindMask(di, hn::Gt(v, hn::Zero(d)));
    const auto up = hn::Sub(hn::Set(di, static_cast<int>(kCount)), above);
    const auto down = hn::Add(hn::Set(di, static_cast<int>(kCount) - 1), above);
    store_codes(hn::IfThenElse(is_positive, up, down), codes + i);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

float round_to_two_bits(const float* x, std::size_t size, float factor, std::uint8_t* codes) {
  return round_to(kTwoBits.levels, x, size, factor, codes);
}

float round_to_four_bits(const float* x, std::size_t size, float factor, std::uint8_t* codes) {
  return round_to(kFourBits.levels, x, size, factor, codes);
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::index
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::index {
namespace {

HWY_EXPORT(measure);
HWY_EXPORT(squares);
HWY_EXPORT(round_evenly);
HWY_EXPORT(round_to_two_bits);
HWY_EXPORT(round_to_four_bits);

/// All levels, rising, plus kTokenZero.
template <std::size_t kCount>
constexpr std::array<std::uint8_t, 16> level_table(const std::array<int, kCount>& positive) {
  std::array<std::uint8_t, 16> table{};
  for (std::size_t i = 0; i < kCount; ++i) {
    table[kCount + i] = static_cast<std::uint8_t>(kTokenZero + positive[i]);
    table[kCount - 1 - i] = static_cast<std::uint8_t>(kTokenZero - positive[i]);
  }
  return table;
}
constexpr auto kTwoBitTable = level_table(kTwoBits.levels);
constexpr auto kFourBitTable = level_table(kFourBits.levels);

}  // namespace

std::span<const std::uint8_t, 16> token_levels(int bits) {
  return bits == 2 ? kTwoBitTable : kFourBitTable;
}

float round_token(std::span<const float> x, int bits, std::uint8_t* codes) {
  const Magnitudes magnitudes = HWY_DYNAMIC_DISPATCH(measure)(x.data(), x.size());
  if (std::isnan(magnitudes.all)) return magnitudes.all;
  constexpr float kSmallestToken = 1e-30f;  // below, it counts as zeros
  const float largest = magnitudes.largest;
  if (largest < kSmallestToken) {
    std::fill_n(codes, x.size(), bits == 8 ? std::uint8_t{kTokenZero} : std::uint8_t{0});
    return 0.0f;
  }
  // Of x / largest, since squares of large numbers are none.
  const float square = HWY_DYNAMIC_DISPATCH(squares)(x.data(), x.size(), 1.0f / largest);
  const float deviation = largest * std::sqrt(square / static_cast<float>(x.size()));
  float factor = 127.0f / largest, with_levels = 0.0f;
  if (bits == 8) {
    with_levels = HWY_DYNAMIC_DISPATCH(round_evenly)(x.data(), x.size(), factor, codes);
  } else if (bits == 4) {
    factor = kFourBits.unit / deviation;
    with_levels = HWY_DYNAMIC_DISPATCH(round_to_four_bits)(x.data(), x.size(), factor, codes);
  } else {
    factor = kTwoBits.unit / deviation;
    with_levels = HWY_DYNAMIC_DISPATCH(round_to_two_bits)(x.data(), x.size(), factor, codes);
  }
  return square * largest * (largest * factor / with_levels);
}

}  // namespace oko::index
#endif
