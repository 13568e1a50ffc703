#pragma once

#include <string_view>
#include <vector>

namespace oko::index {

/// A part of a query: a phrase, which stands in quotation marks, or what is between phrases.
struct QueryPart {
  std::string_view text;  ///< without the marks; of the query
  bool is_phrase = false;
};

/// The parts of a query, in their order. A mark that none closes is no mark, nor is a " behind
/// a letter or digit one that opens a phrase: 5" and 3". Marks: "…", «…», “…” and „…“.
std::vector<QueryPart> query_parts(std::string_view query);

/// True if a part is a phrase with a letter or digit.
bool has_phrase(std::string_view query);

}  // namespace oko::index
