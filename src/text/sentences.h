#pragma once

#include <string_view>
#include <vector>

#include "text/text_range.h"

namespace oko::text {

/// A sentence.
struct Sentence {
  TextRange range;  ///< without white space at its ends
  bool ends_paragraph = false;
  bool operator==(const Sentence&) const = default;
};

/// The sentences of valid UTF-8, Russian or English; every character but white space is in one of
/// them. An empty line ends one, and so does a line break before an item of a list. A period does
/// not after initials ("А. С. Пушкин"), numbers of items and abbreviations ("т. е.", "ул.", "Mr."),
/// nor does any mark before a small letter or within a word ("3.14", "example.com", "т.е."). Linear
/// in time.
std::vector<Sentence> sentences(std::string_view text);

}  // namespace oko::text
