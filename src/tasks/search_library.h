#pragma once

#include <string>
#include <vector>

#include "base/stop_token.h"
#include "engine/embedder.h"
#include "index/hybrid_search.h"
#include "index/library.h"
#include "index/snippet.h"
#include "index/store.h"

namespace oko::tasks {

/// A hit with what a person needs to see it.
struct FoundPassage {
  index::Hit hit;
  index::Document document;
  std::vector<std::string> copies;  ///< paths of other files with the same content, rising
  index::Snippet snippet;
};

/// Finds passages of a library. `embedder` runs the library's model; null: only SearchMode::kText,
/// which needs none. Throws kUsage for an empty query, and as Embedder and Store do.
std::vector<FoundPassage> search_library(index::Store& store, engine::Embedder* embedder,
                                         const std::string& query,
                                         const index::SearchOptions& options,
                                         const StopToken& stop);

}  // namespace oko::tasks
