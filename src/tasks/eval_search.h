#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/localized_text.h"
#include "base/stop_token.h"
#include "engine/embedder.h"
#include "index/beir_folder.h"
#include "index/hybrid_search.h"
#include "index/ranking_metrics.h"
#include "index/store.h"
#include "text/chunker.h"

namespace oko::tasks {

struct EvalSearchOptions {
  std::string split = "test";  ///< of the judgments
  text::ChunkOptions passages = {};
  index::FusionWeights weights = {};  ///< of the mode hybrid
  bool tunes = false;  ///< looks for weights with the best nDCG@10, in place of these
};

/// How good one mode is for some of the queries.
struct EvalGroup {
  std::string name;  ///< "all", "language ru", "kind typo"; "answer long" by its documents' "size"
  std::size_t queries = 0;
  index::RankingMetrics metrics;
};

struct EvalMode {
  index::SearchMode mode = index::SearchMode::kHybrid;
  index::FusionWeights weights = {};  ///< of kHybrid
  std::vector<EvalGroup> groups;
};

/// Puts the documents of a folder into an empty store, and asks it the queries that have judgments,
/// by each measure that the model has. A document's rank is that of its best passage. `on_progress`
/// gets the done share, 0..1; `on_note` what is wrong with the judgments. Throws kBadInput if they
/// name no query or no document of the folder; as BeirFolder, Store and Embedder do.
std::vector<EvalMode> eval_search(const index::BeirFolder& folder, index::Store& store,
                                  engine::Embedder& embedder, const EvalSearchOptions& options,
                                  const std::function<void(double)>& on_progress,
                                  const std::function<void(const LocalizedText&)>& on_note,
                                  const StopToken& stop);

}  // namespace oko::tasks
