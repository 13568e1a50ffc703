#pragma once

#include <cstddef>
#include <cstdint>

namespace oko::image {

/// Rows that a strip of the horizontal pass holds side by side.
constexpr std::size_t kStripRows = 16;

/// out[i] = the 8-bit value of sum over t < taps of weights[t] * first[t * stride + i], for i <
/// size. Weights are in units of 2^-kWeightBits; the sum is rounded and clipped to 0..255.
constexpr int kWeightBits = 22;
void weighted_sum(const std::uint8_t* first, std::size_t stride, const std::int32_t* weights,
                  std::size_t taps, std::uint8_t* out, std::size_t size);

/// out[i * kStripRows + r] = rows[r][i], for i < size.
void pack_strip(const std::uint8_t* const rows[kStripRows], std::size_t size, std::uint8_t* out);

/// The reverse: rows[r][i] = strip[i * kStripRows + r], for r < count and i < size.
void unpack_strip(const std::uint8_t* strip, std::size_t size, std::uint8_t* const* rows,
                  std::size_t count);

}  // namespace oko::image
