#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace oko::text {

/// Code points of valid UTF-8; of other bytes, those that continue no character.
inline std::size_t code_point_count(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xc0) != 0x80; }));
}

}  // namespace oko::text
