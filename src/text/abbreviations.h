#pragma once

#include <string_view>

namespace oko::text {

/// The effect of an abbreviation with a period on the end of a sentence.
enum class Abbreviation {
  kNone,         ///< it is a word
  kGoesOn,       ///< a name or a number follows: "ул.", "Mr."
  kBeforeDigit,  ///< goes on if a number follows: "No. 5"
  kAfterDigit,   ///< ends nothing unless a number is before: "г. Москва", but "в 1999 г."
};

/// Of a word in lower case, without its period: "т.е" of "т.е.".
Abbreviation abbreviation_of(std::string_view word);

}  // namespace oko::text
