// Numbers for the tests of kernels: repeatable noise, the three float formats decoded to f64, and
// the bound of rounding errors of f32.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "tensor/cpu/matmul.h"

namespace oko::tensor {

constexpr double kUnitRoundoff = 0x1p-24;  ///< of f32

/// The error of a sum of `n` products in f32 stays under lambda * sqrt(n) * u * sum |a b| with
/// probability 1 - 2 exp(-lambda² / 2) an element (Higham & Mary 2019, "A new approach to
/// probabilistic rounding error analysis"). 7 leaves 5e-11; `n` counts every rounding on the way.
inline double rounding_bound(std::size_t n, double magnitude) {
  return 7 * std::sqrt(static_cast<double>(n)) * kUnitRoundoff * magnitude;
}

inline std::vector<float> noise(std::size_t count, std::uint32_t seed, float deviation = 1.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

inline std::uint16_t to_bfloat16(float value) {  // rounds to zero
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<std::uint16_t>(bits >> 16);
}

inline double from_bfloat16(std::uint16_t half) {
  const std::uint32_t bits = std::uint32_t{half} << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

/// Rounds to zero; subnormal if necessary. |value| < 65504.
inline std::uint16_t to_float16(float value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  int exponent;
  const float fraction = std::frexp(std::fabs(value), &exponent);  // in [0.5, 1)
  if (fraction == 0.0f || exponent < -23) return sign;
  if (exponent < -13) {
    return sign | static_cast<std::uint16_t>(std::ldexp(fraction, exponent + 24));
  }
  const auto mantissa = static_cast<std::uint16_t>(std::ldexp(fraction, 11));  // 1024..2047
  return sign | static_cast<std::uint16_t>((exponent + 14) * 1024 + mantissa - 1024);
}

inline double from_float16(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  const double value =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return half & 0x8000 ? -value : value;
}

inline std::size_t size_of(cpu::ElementType type) {
  return type == cpu::ElementType::kFloat32 ? 4 : 2;
}

/// `values` in `type`, from `to` on.
inline void encode(const std::vector<float>& values, cpu::ElementType type, std::uint8_t* to) {
  for (const float value : values) {
    if (type == cpu::ElementType::kFloat32) {
      std::memcpy(to, &value, 4);
    } else {
      const std::uint16_t half =
          type == cpu::ElementType::kFloat16 ? to_float16(value) : to_bfloat16(value);
      std::memcpy(to, &half, 2);
    }
    to += size_of(type);
  }
}

inline double decode(const std::uint8_t* from, cpu::ElementType type, std::size_t index) {
  from += index * size_of(type);
  if (type == cpu::ElementType::kFloat32) {
    float value;
    std::memcpy(&value, from, 4);
    return value;
  }
  std::uint16_t half;
  std::memcpy(&half, from, 2);
  return type == cpu::ElementType::kFloat16 ? from_float16(half) : from_bfloat16(half);
}

}  // namespace oko::tensor
