#include "index/stored_vector.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace oko::index {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read as they are");

constexpr float kLargest = 32767.0f;

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
  float scale;
  std::memcpy(&scale, bytes.data(), sizeof(scale));
  if (!std::isfinite(scale)) return false;
  const char* numbers = bytes.data() + sizeof(scale);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    std::int16_t number;
    std::memcpy(&number, numbers + i * sizeof(number), sizeof(number));
    vector[i] = scale * static_cast<float>(number);
  }
  return true;
}

}  // namespace oko::index
