#pragma once

#include <cstdint>
#include <string>

namespace oko {

/// A safetensors file with one tensor of `count` floats, whose bytes are a pattern. They begin
/// `shift` bytes behind a multiple of 64.
inline std::string weights_text(std::size_t count, std::size_t shift) {
  const std::string size = std::to_string(4 * count);
  std::string header = R"({"a":{"dtype":"F32","shape":[)" + std::to_string(count) +
                       R"(],"data_offsets":[0,)" + size + "]}}";
  while ((8 + header.size()) % 64 != shift) header += ' ';
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    text += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  }
  text += header;
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < 4 * count; ++i) {
    text += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  }
  return text;
}

}  // namespace oko
