#include "image/gif.h"

#include <algorithm>

namespace oko::image {
namespace {

constexpr std::size_t kHeaderBytes = 13;
constexpr std::size_t kDescriptorBytes = 10;
constexpr unsigned kExtension = 0x21, kImage = 0x2c;

}  // namespace

std::optional<GifFrame> first_gif_frame(std::span<const std::byte> bytes) {
  const auto u8 = [&](std::size_t at) { return static_cast<unsigned>(bytes[at]); };
  const auto u16 = [&](std::size_t at) { return static_cast<int>(u8(at) | u8(at + 1) << 8); };
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  std::size_t at = kHeaderBytes;
  const unsigned flags = u8(10);
  if ((flags & 0x80) != 0) at += std::size_t{6} << (flags & 7);  // 3 bytes a colour
  while (at + kDescriptorBytes <= bytes.size()) {
    if (u8(at) == kImage) return GifFrame{u16(at + 1), u16(at + 3), u16(at + 5), u16(at + 7)};
    if (u8(at) != kExtension) return std::nullopt;
    at += 2;
    while (at < bytes.size() && u8(at) != 0) at += 1 + u8(at);  // blocks of data
    ++at;
  }
  return std::nullopt;
}

void clear_outside(const GifFrame& frame, Image& canvas) {
  const int left = std::min(frame.left, canvas.width);
  const int right = std::min(frame.left + frame.width, canvas.width);
  for (int y = 0; y < canvas.height; ++y) {
    std::uint8_t* row = canvas.rgb.data() + std::size_t{3} * canvas.width * y;
    const bool inside = y >= frame.top && y < frame.top + frame.height;
    const int from = inside ? left : canvas.width;
    const int to = inside ? right : canvas.width;
    std::fill(row, row + std::ptrdiff_t{3} * from, 255);
    std::fill(row + std::ptrdiff_t{3} * to, row + std::ptrdiff_t{3} * canvas.width, 255);
  }
}

}  // namespace oko::image
