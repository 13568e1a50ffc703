#pragma once

#include <string_view>

#include "index/hybrid_search.h"

namespace oko::index {

/// "hybrid", "dense", ...: the name of a mode for users and in JSON.
inline const char* mode_name(SearchMode mode) {
  switch (mode) {
    case SearchMode::kHybrid:
      return "hybrid";
    case SearchMode::kDense:
      return "dense";
    case SearchMode::kSparse:
      return "sparse";
    case SearchMode::kColbert:
      return "colbert";
    case SearchMode::kText:
      return "text";
  }
  return "";
}

/// The mode of a name; hybrid for another.
inline SearchMode mode_of(std::string_view name) {
  for (const SearchMode mode :
       {SearchMode::kDense, SearchMode::kSparse, SearchMode::kColbert, SearchMode::kText}) {
    if (name == mode_name(mode)) return mode;
  }
  return SearchMode::kHybrid;
}

}  // namespace oko::index
