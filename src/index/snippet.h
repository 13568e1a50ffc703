#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "index/library.h"

namespace oko::index {

/// A part of a chunk's text around what matched.
struct Snippet {
  std::string text;  ///< UTF-8 on one line, with … where it was cut
  /// Matched words, as begin and end in bytes of `text`.
  std::vector<std::pair<std::size_t, std::size_t>> marks;
  /// Of the line with most matches; if none has one of the line that is nearest in meaning, or
  /// around all lines. Empty: there are no boxes.
  std::optional<PageBox> box;
};

/// `terms`: those of the query, as Store::terms_of. `max_letters`: of the text, without …
Snippet snippet_of(const Chunk& chunk, const std::vector<std::string>& terms,
                   std::size_t max_letters = 200);

/// The same for a chunk without matches, around one of its lines.
Snippet snippet_of_line(const Chunk& chunk, const LinePlace& line, std::size_t max_letters = 200);

}  // namespace oko::index
