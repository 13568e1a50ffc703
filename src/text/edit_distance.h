#pragma once

#include <cstddef>
#include <string_view>

namespace oko::text {

/// Letters to insert, delete, replace or exchange with their neighbour to make `b` from `a`
/// (Damerau's distance, no letter in two exchanges). Letters are code points; ill-formed UTF-8 is
/// U+FFFD.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace oko::text
