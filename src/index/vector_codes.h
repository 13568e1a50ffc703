#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/cpu/aligned_vector.h"

namespace oko::index {

/// Version of the stored codes: these, and `rotate`.
inline constexpr std::uint32_t kVectorFormat = 1;

inline constexpr std::size_t kDimensionStep = 32;
inline constexpr std::size_t kMaxDimensions = 2048;  ///< exact sums of 32 bits hold no more

/// Throws kUnsupported unless `dimensions` is a multiple of 32 from 32 to 2048.
void require_dimensions(std::size_t dimensions);

/// One byte a coordinate and one f32 scale a vector: coordinate i of the rotated vector (`rotate`)
/// is about scale · (code[i] - 128), codes 1 to 255. The scale makes the error of the inner product
/// with the vector itself zero; it is 0 for a vector of zeros. Stored little-endian. A unit vector
/// of any distribution gets inner products wrong by about 1.5e-4 (1024 dimensions) or 2.2e-4 (384).
/// Throws kUnsupported: the size; kFailed: a number that is not finite. Returns the scale.
float encode_vector(std::span<const float> vector, std::span<std::uint8_t> codes);

/// What the codes stand for, in the coordinates that the vector had.
void decode_vector(std::span<const std::uint8_t> codes, float scale, std::span<float> vector);

/// A query in 14 bits a coordinate, rotated, as kernels multiply it with rows of codes.
struct QueryCodes {
  explicit QueryCodes(std::span<const float> query);  ///< throws as `encode_vector`

  tensor::cpu::AlignedVector<std::int16_t> codes;     ///< -8191 .. 8191
  tensor::cpu::AlignedVector<std::int8_t> high, low;  ///< code = 128 · high + low; padded by zeros
                                                      ///< to a multiple of 64
  std::uint32_t offset = 0;  ///< 128 · sum of codes, modulo 2^32: what the zero of rows adds
  float scale = 0.0f;        ///< of the codes
};

}  // namespace oko::index
