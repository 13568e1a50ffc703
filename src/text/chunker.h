#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "text/text_range.h"

namespace oko::text {

struct ChunkOptions {
  std::size_t max_tokens = 256;     ///< of a chunk
  std::size_t overlap_tokens = 32;  ///< of a chunk that are also of the one before, at most
};

/// The number of tokens of a text.
using CountTokens = std::function<std::size_t(std::string_view)>;

/// Divides valid UTF-8 into ranges of at most `max_tokens`, in order; every character but white
/// space is in one of them. They end where a paragraph ends, if they are at least half full there,
/// else where a sentence ends. A longer sentence is cut between lines, then words, then characters
/// as users see them; a character (grapheme) that alone has more tokens is cut, too, but no code
/// point is. A range begins with whole sentences of the one before, up to `overlap_tokens`.
/// Counts few texts a chunk, none much longer than a chunk, so that time is linear.
std::vector<TextRange> chunks(std::string_view text, const ChunkOptions& options,
                              const CountTokens& count_tokens);

}  // namespace oko::text
