#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/stop_token.h"
#include "engine/embedder.h"

namespace oko::tasks {

struct RerankResult {
  std::vector<float> scores;  ///< of each text: the mean of the best cosines of the query's tokens
  std::size_t tokens = 0;     ///< read, the query's included
};

/// Scores texts against a query by their token vectors, as BGE-M3's ColBERT does; a few texts at a
/// time, since each takes a vector for every token. Texts that are longer than the model reads are
/// cut. Throws as Embedder.
RerankResult rerank(engine::Embedder& embedder, const std::string& query,
                    std::span<const std::string> texts, const StopToken& stop);

}  // namespace oko::tasks
