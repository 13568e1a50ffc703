#include "index/stored_vector.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace oko::index {
namespace {

constexpr float kLargest = 32767.0f;

std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

}  // namespace

std::string encode_stored_vector(std::span<const float> vector) {
  float largest = 0;
  for (const float value : vector) largest = std::max(largest, std::abs(value));
  const float scale = largest / kLargest;
  const auto scale_bits = std::bit_cast<std::uint32_t>(scale);
  std::string bytes;
  bytes.reserve(sizeof(scale_bits) + 2 * vector.size());
  for (int shift = 0; shift < 32; shift += 8) {
    bytes.push_back(static_cast<char>(scale_bits >> shift));
  }
  for (const float value : vector) {
    const long number = scale > 0 ? std::lround(value / scale) : 0;
    bytes.push_back(static_cast<char>(number));
    bytes.push_back(static_cast<char>(number >> 8));
  }
  return bytes;
}

bool decode_stored_vector(std::string_view bytes, std::span<float> vector) {
  if (bytes.size() != sizeof(float) + 2 * vector.size()) return false;
  std::uint32_t scale_bits = 0;
  for (int i = 3; i >= 0; --i) scale_bits = scale_bits << 8 | byte_at(bytes, std::size_t(i));
  const auto scale = std::bit_cast<float>(scale_bits);
  if (!std::isfinite(scale)) return false;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const std::size_t at = sizeof(float) + 2 * i;
    const auto number = static_cast<std::int16_t>(byte_at(bytes, at) | byte_at(bytes, at + 1) << 8);
    vector[i] = scale * static_cast<float>(number);
  }
  return true;
}

}  // namespace oko::index
