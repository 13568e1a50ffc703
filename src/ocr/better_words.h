#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "ocr/script_recheck.h"

namespace oko::ocr {

using FamiliarityOf = std::function<Familiarity(std::string_view)>;

/// Compares two readings of a line, both in pixels of one picture, place by place, and replaces the
/// words of `line` by better ones of `other`. A place has one or more words of each reading, whose
/// boxes overlap. The other reading is better if all its words are more familiar, if it is much
/// surer, or if it is surer and only separates words or has capitals. "№" is better than "Ne", and
/// Latin letters than Cyrillic homoglyphs in codes ("M8").
void take_better_words(std::vector<WordCandidate>& line, std::vector<WordCandidate> other,
                       const FamiliarityOf& familiarity_of);

}  // namespace oko::ocr
