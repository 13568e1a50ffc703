#pragma once

#include <cstddef>
#include <string>

namespace oko {

/// A white picture of one bit a pixel as a BMP: a small file of a large picture.
inline std::string white_bitmap(int width, int height) {
  const std::size_t row = (static_cast<std::size_t>(width) + 31) / 32 * 4;
  std::string bmp = "BM" + std::string(60, '\0');
  bmp.append(row * static_cast<std::size_t>(height), '\xff');
  const auto put = [&](std::size_t at, int value) {
    for (int i = 0; i < 4; ++i) bmp[at++] = static_cast<char>(value >> 8 * i);
  };
  put(2, static_cast<int>(bmp.size()));
  put(10, 62);
  put(14, 40);
  put(18, width);
  put(22, height);
  put(26, 1 | 1 << 16);  // one plane, one bit
  put(58, 0xffffff);     // the second colour
  return bmp;
}

}  // namespace oko
