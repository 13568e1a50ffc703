#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "index/library.h"

namespace oko::index {

/// Places of lines as bytes, 16 a line: begin and end as 32-bit numbers, the box as four 16-bit
/// fractions of the page, little-endian. A box is exact to 1/65535 of the page.
std::string encode_lines(std::span<const LinePlace> lines);

/// What the bytes say; an incomplete line at their end is left out.
std::vector<LinePlace> decode_lines(std::string_view bytes);

}  // namespace oko::index
