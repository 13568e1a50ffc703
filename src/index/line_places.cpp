#include "index/line_places.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace oko::index {
namespace {

constexpr std::size_t kLineBytes = 16;
constexpr float kFull = 65535.0f;

void append(std::string& bytes, std::uint32_t number, int size) {
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<char>(number >> (8 * i)));
}

std::uint32_t number_at(std::string_view bytes, std::size_t at, int size) {
  std::uint32_t number = 0;
  for (int i = 0; i < size; ++i) {
    number |= std::uint32_t{static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)])}
              << (8 * i);
  }
  return number;
}

}  // namespace

std::string encode_lines(std::span<const LinePlace> lines) {
  std::string bytes;
  for (const LinePlace& line : lines) {
    append(bytes, line.begin, 4);
    append(bytes, line.end, 4);
    for (const float part : {line.box.left, line.box.top, line.box.width, line.box.height}) {
      append(bytes, static_cast<std::uint32_t>(std::lround(std::clamp(part, 0.0f, 1.0f) * kFull)),
             2);
    }
  }
  return bytes;
}

std::vector<LinePlace> decode_lines(std::string_view bytes) {
  std::vector<LinePlace> lines;
  for (std::size_t at = 0; bytes.size() - at >= kLineBytes; at += kLineBytes) {
    const auto part = [&](std::size_t offset) {
      return static_cast<float>(number_at(bytes, at + offset, 2)) / kFull;
    };
    lines.push_back({.begin = number_at(bytes, at, 4),
                     .end = number_at(bytes, at + 4, 4),
                     .box = {part(8), part(10), part(12), part(14)}});
  }
  return lines;
}

}  // namespace oko::index
