#pragma once

#include <string_view>

#include "index/hybrid_search.h"

namespace oko::cli {

/// "hybrid", "dense", ...: the name of a mode on the command line and in JSON.
inline const char* mode_name(index::SearchMode mode) {
  switch (mode) {
    case index::SearchMode::kHybrid:
      return "hybrid";
    case index::SearchMode::kDense:
      return "dense";
    case index::SearchMode::kSparse:
      return "sparse";
    case index::SearchMode::kColbert:
      return "colbert";
    case index::SearchMode::kText:
      return "text";
  }
  return "";
}

/// The mode of a name; hybrid for another.
inline index::SearchMode mode_of(std::string_view name) {
  using index::SearchMode;
  for (const SearchMode mode :
       {SearchMode::kDense, SearchMode::kSparse, SearchMode::kColbert, SearchMode::kText}) {
    if (name == mode_name(mode)) return mode;
  }
  return SearchMode::kHybrid;
}

}  // namespace oko::cli
