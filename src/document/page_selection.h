#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/localized_text.h"

namespace oko::document {

/// Pages that a user asks for: "1-3,5", "7-" to the end. Empty: all.
class PageSelection {
 public:
  PageSelection() = default;
  /// Throws kUsage, with `name` for the setting: not of that form, page 0, an end before its begin.
  static PageSelection parse(std::string_view text, const LocalizedText& name);
  /// The page, counted from 1.
  static PageSelection only(int page);

  bool empty() const { return ranges_.empty(); }

  /// The pages of a file of `pages` pages, counted from 0, sorted, each once.
  std::vector<int> of(int pages) const;

  /// The first page that a file of `pages` pages lacks, counted from 1; 0: it has all.
  int missing(int pages) const;

 private:
  std::vector<std::pair<int, int>> ranges_;  ///< counted from 1, ends included
};

}  // namespace oko::document
