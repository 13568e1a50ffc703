#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "index/library.h"
#include "index/store.h"
#include "models/bge_m3/encoding.h"

/// Search by several measures at once. Chen et al. 2024 (arXiv:2402.03216, 4.2) add the scores of
/// BGE-M3's three outputs; oko first brings those of all candidates to 0..1, and lets BM25 over
/// stems, which finds codes and rare words, decide as far as it singles out a chunk (DECISIONS
/// 151).
namespace oko::index {

enum class SearchMode { kHybrid, kDense, kSparse, kColbert, kText };

/// Vectors: weights of their scores, 0..1 from the last to the best of the candidates, in a mean.
/// Words: the best share above what ten chunks have, to the fourth power and times this, is the
/// part of the words in the total: from 0.3 on, they decide.
struct FusionWeights {
  float dense = 1.0f;
  float sparse = 0.3f;
  float words = 120.0f;
  float colbert = 1.0f;
};

/// For chunks of a few sentences, where meaning decides, and for those of pages, where words do.
inline constexpr FusionWeights kShortPassages{};
inline constexpr FusionWeights kLongPassages{
    .dense = 0.3f, .sparse = 1.0f, .words = 120.0f, .colbert = 0.7f};

struct SearchQuery {
  std::string text;                   ///< UTF-8
  models::bge_m3::Encoding encoding;  ///< outputs that are empty are not used
};

struct SearchOptions {
  SearchMode mode = SearchMode::kHybrid;
  std::size_t top = 10;  ///< hits, at most
  Filter filter = {};
  FusionWeights weights = kShortPassages;
  std::size_t candidates = 100;  ///< of each measure; ColBERT scores as many of their union
  /// At most one hit of a page, or of a document without pages. False: chunks that are neighbours
  /// may all be hits.
  bool one_of_page = true;
};

/// What each measure gives to the total of a hit.
struct ScoreParts {
  float dense = 0, sparse = 0, words = 0, colbert = 0;

  float sum() const { return dense + sparse + words + colbert; }
};

/// Scores of a hit; those that were not computed are empty.
struct HitScores {
  std::optional<float> dense = {};    ///< cosine
  std::optional<float> sparse = {};   ///< sum of products of weights
  std::optional<float> words = {};    ///< BM25, as a share of the most that is possible
  std::optional<float> colbert = {};  ///< mean of the best cosines
  ScoreParts parts = {};
  float total = 0;  ///< the sum of `parts`, by which hits are sorted
};

struct Hit {
  StoredChunk chunk = {};
  HitScores scores = {};
};

/// The best chunks, best first; in every mode only those that have the query's phrases. A measure
/// without its output is left out; so is ColBERT for a library without token vectors. Throws as
/// Store does.
std::vector<Hit> search(Store& store, const SearchQuery& query, const SearchOptions& options);

}  // namespace oko::index
