#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace oko::index {

inline constexpr std::size_t kTokenHeaderBytes = 8;
inline constexpr std::size_t kTokenRun = 16;  ///< coordinates that share bytes with the next runs
inline constexpr std::size_t kTokenStep = 64;
inline constexpr int kTokenZero = 128;  ///< of a level

/// Bytes of a chunk's mean.
inline std::size_t mean_bytes(std::size_t dimensions) {
  return sizeof(float) + dimensions;
}

/// Levels of a code of 2 or 4 bits, plus kTokenZero, for a table of 16 bytes.
std::span<const std::uint8_t, 16> token_levels(int bits);

/// Writes row `at` of `pairs`, where two rows take turns: 8 bytes of one, 8 of the other.
template <typename Byte>
void copy_to_pair(const Byte* row, std::size_t dimensions, std::size_t at, Byte* pairs) {
  Byte* to = pairs + at / 2 * 2 * dimensions + at % 2 * 8;
  for (std::size_t i = 0; i < dimensions; i += 8, to += 16) std::memcpy(to, row + i, 8);
}

/// Rounds a rotated vector to codes, one a byte. Returns their scale; NaN: a number is not finite.
float round_token(std::span<const float> x, int bits, std::uint8_t* codes);

/// The parts of a chunk's codes. Nothing is aligned.
struct TokenRows {
  /// Throws kFailed if they are damaged.
  explicit TokenRows(std::span<const std::uint8_t> codes);

  float scale(std::size_t token) const;
  float mean_scale() const;
  const std::uint8_t* row(std::size_t token) const { return rows + token * row_bytes; }

  int bits;
  std::size_t dimensions, tokens, row_bytes;
  const std::uint8_t* mean;  ///< a row of 8 bits
  const std::uint8_t* scales;
  const std::uint8_t* rows;
};

}  // namespace oko::index
