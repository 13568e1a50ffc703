#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/localized_text.h"

namespace oko::tasks {

/// What a model says about a picture.
struct Caption {
  std::string description;
  std::vector<std::string> keywords;
};

/// The question that `caption_of` understands the answers to.
std::string caption_question(Language language);

/// Takes an answer apart. One without a line of keywords is all description.
Caption caption_of(std::string_view answer);

/// The language of a text by its letters.
Language language_of_text(std::string_view text);

}  // namespace oko::tasks
