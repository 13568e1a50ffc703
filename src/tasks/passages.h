#pragma once

#include <vector>

#include "document/page.h"
#include "document/text_document.h"
#include "engine/embedder.h"
#include "index/library.h"
#include "text/chunker.h"

namespace oko::tasks {

/// Counts tokens of an embedding model, which must outlive it.
text::CountTokens token_counter(const engine::Embedder& embedder);

/// The passages of a page, with the places of their lines. `page`: counted from 1; 0: the file has
/// one only.
std::vector<index::Chunk> passages_of(const document::Page& page, int number,
                                      const text::ChunkOptions& options,
                                      const text::CountTokens& count);

/// The passages of a file that is text.
std::vector<index::Chunk> passages_of(document::TextDocument document,
                                      const text::ChunkOptions& options,
                                      const text::CountTokens& count);

}  // namespace oko::tasks
