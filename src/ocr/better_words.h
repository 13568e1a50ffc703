#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "ocr/script_recheck.h"

namespace oko::ocr {

using FamiliarityOf = std::function<Familiarity(std::string_view)>;

/// Compares two readings of a line, both in pixels of one picture, and takes what is better of
/// `other` into `line`, place by place. A place is one word or several of each reading, as far as
/// their boxes overlap. The other reading is better where all its words are more familiar; else
/// where it is much surer, or surer where it only parts words or has capitals. "№" is
/// better than "Ne", and Latin letters than Cyrillic ones that look alike in codes ("M8").
void take_better_words(std::vector<WordCandidate>& line, std::vector<WordCandidate> other,
                       const FamiliarityOf& familiarity_of);

}  // namespace oko::ocr
