#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace oko::grammar {

/// A pattern of names and the states of its automaton that know some of the letters of one.
struct OtherNames {
  std::string pattern;
  std::size_t states = 0;
};

/// A pattern, as xgrammar takes it, for names that are none of `names`, without escapes. xgrammar
/// itself keeps other names only from the same bytes: "n\u0061me" passes it as another name than
/// "name", and so does "имя" again. All other names match if that takes at most `most_states`
/// (>= 1); else those whose first letters no name has, as many letters as the states allow.
OtherNames pattern_of_other_names(const std::vector<std::string>& names, std::size_t most_states);

}  // namespace oko::grammar
