#pragma once

#include <utility>
#include <vector>

namespace oko::grammar {

/// Characters as ranges, both ends included.
using LetterRanges = std::vector<std::pair<char32_t, char32_t>>;

/// Those of \d, \w and \s (ECMA-262), of \D, \W and \S. `c`: one of these letters.
LetterRanges class_escape(char32_t c);

/// What a string of JSON has as it is of `ranges`, or of all other characters: without quotes,
/// backslashes, control characters and surrogates. Sorted, without overlaps.
LetterRanges plain_letters(LetterRanges ranges, bool is_negated);

}  // namespace oko::grammar
