#include "index/rotation.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/vector_codes.h"

namespace oko::index {
namespace {

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
  for (std::size_t half = 1; half < block; half *= 2) {
    for (std::size_t start = 0; start < size; start += 2 * half) {
      float* low = vector.data() + start;
      float* high = low + half;
      for (std::size_t i = 0; i < half; ++i) {
        const float a = low[i], b = high[i];
        low[i] = a + b;
        high[i] = a - b;
      }
    }
  }
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
