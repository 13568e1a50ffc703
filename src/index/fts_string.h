#pragma once

#include <string>
#include <string_view>

namespace oko::index {

/// A string of FTS5's query language.
inline std::string fts_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) result.append(c == '"' ? 2 : 1, c);
  return result + "\"";
}

}  // namespace oko::index
