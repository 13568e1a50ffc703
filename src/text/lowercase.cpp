#include "text/lowercase.h"

#include <algorithm>
#include <cstdint>

#include "text/utf8.h"

namespace oko::text {
namespace {

/// Code points first, first + step, ..., last and the offset of their lower case.
struct Range {
  std::uint32_t first, last, step;
  std::int32_t delta;
};

constexpr Range kLowercaseRanges[] = {
#include "text/lowercase_ranges.inc"
};

char32_t lower_of(char32_t code_point) {
  const auto* after =
      std::upper_bound(std::begin(kLowercaseRanges), std::end(kLowercaseRanges), code_point,
                       [](char32_t point, const Range& range) { return point < range.first; });
  if (after == std::begin(kLowercaseRanges)) return code_point;
  const Range& range = *(after - 1);
  if (code_point > range.last || (code_point - range.first) % range.step != 0) return code_point;
  return static_cast<char32_t>(static_cast<std::int32_t>(code_point) + range.delta);
}

}  // namespace

std::string lowercase(std::string_view text) {
  constexpr char32_t kDottedCapital = 0x130;  // the only one that becomes two code points
  std::string lower;
  lower.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step step = next_utf8(text, at);
    at += step.length;
    if (step.code_point == kDottedCapital) {
      lower += "i\u0307";
    } else {
      append_utf8(lower, lower_of(step.code_point));
    }
  }
  return lower;
}

}  // namespace oko::text
