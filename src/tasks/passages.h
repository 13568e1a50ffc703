#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "document/page.h"
#include "document/text_document.h"
#include "index/library.h"

namespace oko::tasks {

/// Sizes of passages, in tokens of the embedding model.
struct PassageOptions {
  std::size_t max_tokens = 256;
  std::size_t overlap_tokens = 32;
};

/// Tokens of a text.
using CountTokens = std::function<std::size_t(std::string_view)>;

/// The passages of a page, with the places of their lines. `page`: counted from 1; 0: the file has
/// one only.
std::vector<index::Chunk> passages_of(const document::Page& page, int number,
                                      const PassageOptions& options, const CountTokens& count);

/// The passages of a file that is text.
std::vector<index::Chunk> passages_of(const document::TextDocument& document,
                                      const PassageOptions& options, const CountTokens& count);

}  // namespace oko::tasks
