#include "index/rotation.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/vector_codes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/rotation.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace oko::index {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 8>;
using Vector = hn::Vec<Tag>;

/// The stages whose pairs lie within a vector.
HWY_INLINE Vector transform_within(Vector v) {
  const Tag d;
  const hn::RebindToSigned<Tag> di;
  const auto lane = hn::Iota(di, 0);
  const auto stage = [&](Vector v, Vector other, int half) HWY_ATTR {
    const auto is_high = hn::RebindMask(d, hn::TestBit(lane, hn::Set(di, half)));
    return hn::IfThenElse(is_high, hn::Sub(other, v), hn::Add(v, other));
  };
  v = stage(v, hn::Reverse2(d, v), 1);
  v = stage(v, hn::Shuffle1032(v), 2);
  if constexpr (hn::MaxLanes(Tag()) == 8) v = stage(v, hn::SwapAdjacentBlocks(v), 4);
  return v;
}

/// Blocks of `block` numbers, which is 32 or more.
void transform_all(float* values, std::size_t size, std::size_t block) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t i = 0; i < size; i += lanes) {
    hn::StoreU(transform_within(hn::LoadU(d, values + i)), d, values + i);
  }
  for (std::size_t half = lanes; half < block; half *= 2) {
    for (std::size_t start = 0; start < size; start += 2 * half) {
      for (std::size_t i = start; i < start + half; i += lanes) {
        const auto a = hn::LoadU(d, values + i), b = hn::LoadU(d, values + i + half);
        hn::StoreU(hn::Add(a, b), d, values + i);
        hn::StoreU(hn::Sub(a, b), d, values + i + half);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::index
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::index {
namespace {

HWY_EXPORT(transform_all);

/// SplitMix64 (Steele, Lea & Flood 2014): the sign of coordinate `index`.
float sign_of(std::size_t index) {
  std::uint64_t z = (index + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return ((z ^ (z >> 31)) & 1) != 0 ? -1.0f : 1.0f;
}

/// Its own inverse.
void transform_blocks(std::span<float> vector) {
  const std::size_t size = vector.size(), block = size & (~size + 1);
  HWY_DYNAMIC_DISPATCH(transform_all)(vector.data(), size, block);
  const float norm = 1.0f / std::sqrt(static_cast<float>(block));
  for (float& x : vector) x *= norm;
}

void flip_signs(std::span<float> vector) {
  static const std::vector<float> signs = [] {
    std::vector<float> made(kMaxDimensions);
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = sign_of(i);
    return made;
  }();
  for (std::size_t i = 0; i < vector.size(); ++i) vector[i] *= signs[i];
}

}  // namespace

void rotate(std::span<float> vector) {
  flip_signs(vector);
  transform_blocks(vector);
}

void rotate_back(std::span<float> vector) {
  transform_blocks(vector);
  flip_signs(vector);
}

}  // namespace oko::index
#endif
