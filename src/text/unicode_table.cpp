#include "text/unicode_table.h"

namespace oko::text {
namespace {

struct Range {
  char32_t first;
  char32_t last;
  std::uint8_t properties;
};

constexpr Range kRanges[] = {
#include "text/unicode_ranges.inc"
};

}  // namespace

UnicodeTable::UnicodeTable() : blocks_(1) {
  for (const Range& range : kRanges) {
    for (char32_t c = range.first; c <= range.last; ++c) {
      std::uint16_t& block = index_[c >> 8];
      if (block == 0) {
        block = static_cast<std::uint16_t>(blocks_.size());
        blocks_.emplace_back();
      }
      blocks_[block][c & 0xFF] = range.properties;
    }
  }
}

const UnicodeTable& UnicodeTable::get() {
  static const UnicodeTable table;
  return table;
}

}  // namespace oko::text
