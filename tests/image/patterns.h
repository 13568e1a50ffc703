#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "image/image.h"

namespace oko::image {

/// Pictures drawn from integers alone, the same as in tools/image/make_resize_golden.py: "noise",
/// "gradient", "checks".
inline Image draw(std::string_view pattern, int width, int height) {
  Image image{width, height, {}};
  image.rgb.resize(std::size_t{3} * width * height);
  if (pattern == "noise") {
    for (std::size_t i = 0; i < image.rgb.size(); ++i) {
      auto value = static_cast<std::uint32_t>(i) * 2654435761u + 12345u;
      value ^= value >> 15;
      value *= 2246822519u;
      image.rgb[i] = static_cast<std::uint8_t>(value >> 24);
    }
    return image;
  }
  auto* out = image.rgb.data();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x, out += 3) {
      if (pattern == "gradient") {
        out[0] = static_cast<std::uint8_t>(x * 255 / std::max(width - 1, 1));
        out[1] = static_cast<std::uint8_t>(y * 255 / std::max(height - 1, 1));
        out[2] = static_cast<std::uint8_t>((x * 5 + y * 3) % 256);
      } else {
        out[0] = (x / 3 + y / 2) % 2 == 1 ? 255 : 0;
        out[1] = 255 - out[0];
        out[2] = (x + y) % 2 == 1 ? 255 : 0;
      }
    }
  }
  return image;
}

/// CRC-32 as zlib's, and so Python's, `crc32`.
inline std::uint32_t crc32(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

}  // namespace oko::image
