#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "ocr/script.h"

namespace oko::ocr {

inline constexpr std::size_t kScripts = 3;

struct ErrorCount {
  std::size_t total = 0;  ///< in the truth
  std::size_t wrong = 0;  ///< missing, replaced or too many

  double rate() const {
    return total == 0 ? 0 : static_cast<double>(wrong) / static_cast<double>(total);
  }
  ErrorCount& operator+=(const ErrorCount& other);
};

/// The least number of insertions, deletions and replacements (Levenshtein 1966) that turn the read
/// text into the truth, by the script of the missing or replaced text, or else of the excess.
struct TextErrors {
  std::array<ErrorCount, kScripts> characters;  ///< by Script; spaces and line breaks are kOther
  std::array<ErrorCount, kScripts> words;

  ErrorCount all_characters() const;
  ErrorCount all_words() const;
  TextErrors& operator+=(const TextErrors& other);
};

/// UTF-8. A run of white space counts as one space, at the ends as none. Time and memory grow with
/// the product of the lengths, so texts are pages of at most some 20,000 characters.
TextErrors compare_texts(std::string_view truth, std::string_view read);

}  // namespace oko::ocr
