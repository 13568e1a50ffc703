#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace oko::text {

/// A byte for every code point, in blocks of 256; all empty blocks share one.
class CodePointTable {
 public:
  struct Range {
    char32_t first;
    char32_t last;
    std::uint8_t value;
  };

  /// Code points outside `ranges` get 0.
  explicit CodePointTable(std::span<const Range> ranges) : blocks_(1) {
    for (const Range& range : ranges) {
      for (char32_t c = range.first; c <= range.last; ++c) {
        std::uint16_t& block = index_[c >> 8];
        if (block == 0) {
          block = static_cast<std::uint16_t>(blocks_.size());
          blocks_.emplace_back();
        }
        blocks_[block][c & 0xFF] = range.value;
      }
    }
  }

  /// `code_point` is at most U+10FFFF.
  std::uint8_t operator[](char32_t code_point) const {
    return blocks_[index_[code_point >> 8]][code_point & 0xFF];
  }

 private:
  std::array<std::uint16_t, 0x1100> index_{};
  std::vector<std::array<std::uint8_t, 256>> blocks_;
};

}  // namespace oko::text
