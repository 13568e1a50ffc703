#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace oko::grammar {

/// Letters that the names of an object with other properties may have together, where those that
/// begin alike count once.
inline constexpr std::size_t kMostNameLetters = 4000;
/// Of one of these names: xgrammar reads a pattern by recursion.
inline constexpr std::size_t kMostNameLength = 200;

/// A pattern, as xgrammar takes it, for each name but `names`, without escapes. xgrammar itself
/// keeps other names only from the same bytes: "n\u0061me" passes it as another name than "name",
/// and so does "имя" again. Empty: the names are beyond the limits.
std::string pattern_of_other_names(const std::vector<std::string>& names);

}  // namespace oko::grammar
