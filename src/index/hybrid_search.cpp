#include "index/hybrid_search.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <utility>

#include "index/query_parts.h"

namespace oko::index {
namespace {

using Candidates = std::map<ChunkId, HitScores>;

void add(Candidates& candidates, const std::vector<ScoredChunk>& found,
         std::optional<float> HitScores::*score) {
  for (const ScoredChunk& each : found) candidates[each.chunk].*score = each.score;
}

/// Chunks with a phrase of the query that are looked at: others have it, too, but not more words.
constexpr std::size_t kPhraseCandidates = 1000;

/// Looked at before a page with very many passages hides the rest.
constexpr std::size_t kMostCandidates = 6400;

/// The chunks that have all phrases of a query; no measure but the words knows of them.
Candidates find_with_phrases(Store& store, const SearchQuery& query, const SearchOptions& options,
                             std::size_t count) {
  Candidates candidates;
  add(candidates, store.find_words(query.text, count, options.filter), &HitScores::words);
  const bool finds_sparse =
      options.mode == SearchMode::kSparse || options.mode == SearchMode::kHybrid;
  if (!finds_sparse || query.encoding.sparse.empty()) return candidates;
  for (const ScoredChunk& each : store.find_sparse(query.encoding.sparse, count, options.filter)) {
    const auto candidate = candidates.find(each.chunk);
    if (candidate != candidates.end()) candidate->second.sparse = each.score;
  }
  return candidates;
}

/// `count` of each measure.
Candidates find_candidates(Store& store, const SearchQuery& query, const SearchOptions& options,
                           std::size_t count) {
  const auto uses = [&](SearchMode mode) {
    return options.mode == mode || options.mode == SearchMode::kHybrid;
  };
  const models::bge_m3::Encoding& encoding = query.encoding;
  Candidates candidates;
  // ColBERT has no index of its own: it orders what the dense vectors find.
  const bool finds_dense = uses(SearchMode::kDense) || options.mode == SearchMode::kColbert;
  if (finds_dense && !encoding.dense.empty()) {
    add(candidates, store.find_dense(encoding.dense, count, options.filter), &HitScores::dense);
  }
  if (uses(SearchMode::kSparse) && !encoding.sparse.empty()) {
    add(candidates, store.find_sparse(encoding.sparse, count, options.filter), &HitScores::sparse);
  }
  // Words that single out nothing cost most of a search and say nothing beside the meaning.
  const bool has_meaning = !encoding.dense.empty() || !encoding.sparse.empty();
  const auto tells = [&] { return !has_meaning || store.has_telling_words(query.text); };
  if (options.mode == SearchMode::kText || (options.mode == SearchMode::kHybrid && tells())) {
    add(candidates, store.find_words(query.text, count, options.filter), &HitScores::words);
  }
  return candidates;
}

std::vector<ChunkId> ids_of(const std::vector<std::pair<ChunkId, HitScores>>& ranked,
                            std::size_t count) {
  std::vector<ChunkId> ids;
  for (std::size_t i = 0; i < std::min(count, ranked.size()); ++i) ids.push_back(ranked[i].first);
  return ids;
}

void sort_by_total(std::vector<std::pair<ChunkId, HitScores>>& ranked) {
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return a.second.total != b.second.total ? a.second.total > b.second.total : a.first < b.first;
  });
}

/// The scores of dense vectors for those that only other measures found: their sums would else miss
/// a part.
void complete_dense(Store& store, const SearchQuery& query,
                    std::vector<std::pair<ChunkId, HitScores>>& ranked) {
  std::vector<ChunkId> missing;
  for (const auto& [chunk, scores] : ranked) {
    if (!scores.dense) missing.push_back(chunk);
  }
  const std::vector<float> cosines = store.dense_scores(query.encoding.dense, missing);
  auto cosine = cosines.begin();
  for (auto& [chunk, scores] : ranked) {
    if (!scores.dense && cosine != cosines.end()) scores.dense = *cosine++;
  }
}

/// The scores of a measure from the `count`-th to the best become 0..1; those of others are 0.
/// Models differ in how wide that is: multilingual-e5 gives all texts cosines of 0.75 to 0.9.
class Scale {
 public:
  Scale(const std::vector<std::pair<ChunkId, HitScores>>& ranked,
        std::optional<float> HitScores::*score, std::size_t count)
      : score_(score) {
    std::vector<float> values;
    for (const auto& [chunk, scores] : ranked) {
      if (scores.*score) values.push_back(*(scores.*score));
    }
    empty_ = values.empty();
    if (empty_) return;
    std::sort(values.begin(), values.end(), std::greater<>());
    high_ = values.front();
    low_ = values[std::min(count, values.size()) - 1];
  }
  bool empty() const { return empty_; }
  float of(const HitScores& scores) const {
    if (!(scores.*score_)) return 0;
    if (!(high_ > low_)) return 1;
    return std::max((*(scores.*score_) - low_) / (high_ - low_), 0.0f);
  }

 private:
  std::optional<float> HitScores::*score_;
  bool empty_ = true;
  float low_ = 0;
  float high_ = 0;
};

/// The shares of words, above the share that ten chunks have: a word or two of a query are in many
/// of them. But ten that have all of its words are what was looked for, so that share counts as far
/// as the tenth best lacks words.
class Shares {
 public:
  explicit Shares(const std::vector<std::pair<ChunkId, HitScores>>& ranked) {
    constexpr std::size_t kUsual = 10;
    std::vector<float> values;
    for (const auto& [chunk, scores] : ranked) {
      if (scores.words) values.push_back(*scores.words);
    }
    if (values.empty()) return;
    std::sort(values.begin(), values.end(), std::greater<>());
    if (values.size() >= kUsual) usual_ = usual(values[kUsual - 1]);
    highest_ = values.front() - usual_;
  }

  /// The part of the words in a total. What few words have in common says next to nothing, hence
  /// the power. Never 1: chunks with the same words keep an order.
  float part(float weight) const {
    constexpr float kMost = 0.99f;
    const float square = highest_ * highest_;
    return std::min(weight * square * square, kMost);
  }
  /// 0..1, of the best.
  float of(const HitScores& scores) const {
    const float share = std::max(scores.words.value_or(0) - usual_, 0.0f);
    return share > 0 ? share / highest_ : 0;
  }

 private:
  static float usual(float tenth) {
    constexpr float kAllWords = 1 / 2.2f;  // BM25 of a text of usual length with each word once
    return tenth * (1 - std::min(tenth / kAllWords, 1.0f));
  }

  float usual_ = 0;
  float highest_ = 0;
};

void add_up(std::vector<std::pair<ChunkId, HitScores>>& ranked, const SearchOptions& options) {
  const FusionWeights& weights = options.weights;
  const Scale dense(ranked, &HitScores::dense, options.candidates),
      sparse(ranked, &HitScores::sparse, options.candidates),
      colbert(ranked, &HitScores::colbert, options.candidates);
  const float all = (dense.empty() ? 0 : weights.dense) + (sparse.empty() ? 0 : weights.sparse) +
                    (colbert.empty() ? 0 : weights.colbert);
  const Shares words(ranked);
  const float part = words.part(weights.words);
  const float rest = all > 0 ? (1 - part) / all : 0;
  for (auto& [chunk, scores] : ranked) {
    scores.parts = {.dense = rest * weights.dense * dense.of(scores),
                    .sparse = rest * weights.sparse * sparse.of(scores),
                    .words = part * words.of(scores),
                    .colbert = rest * weights.colbert * colbert.of(scores)};
    scores.total = scores.parts.sum();
  }
}

/// The only part of a mode that has one.
ScoreParts single_part(const HitScores& scores, SearchMode mode) {
  switch (mode) {
    case SearchMode::kDense:
      return {.dense = scores.dense.value_or(0)};
    case SearchMode::kSparse:
      return {.sparse = scores.sparse.value_or(0)};
    case SearchMode::kColbert:
      return {.colbert = scores.colbert.value_or(0)};
    case SearchMode::kText:
      return {.words = scores.words.value_or(0)};
    case SearchMode::kHybrid:
      break;
  }
  return scores.parts;
}

void rerank(Store& store, const SearchQuery& query, std::size_t count,
            std::vector<std::pair<ChunkId, HitScores>>& ranked) {
  const std::vector<ChunkId> ids = ids_of(ranked, count);
  const std::vector<float> scores = store.colbert_scores(query.encoding.colbert, ids);
  for (std::size_t i = 0; i < scores.size(); ++i) ranked[i].second.colbert = scores[i];
}

std::vector<Hit> best_hits(Store& store, const SearchOptions& options,
                           const std::vector<std::pair<ChunkId, HitScores>>& ranked) {
  std::vector<Hit> hits;
  std::set<std::pair<DocumentId, int>> pages;
  for (std::span rest(ranked); !rest.empty() && hits.size() < options.top;) {
    const auto next = rest.first(std::min(options.top - hits.size(), rest.size()));
    rest = rest.subspan(next.size());
    std::map<ChunkId, HitScores> scores(next.begin(), next.end());
    std::vector<ChunkId> ids;
    for (const auto& [chunk, ignored] : next) ids.push_back(chunk);
    for (StoredChunk& stored : store.chunks(ids)) {  // without those that were removed meanwhile
      const bool is_new = pages.insert({stored.document, stored.chunk.page}).second;
      if (options.one_of_page && !is_new) continue;
      const HitScores& own = scores.at(stored.id);
      hits.push_back({std::move(stored), own});
    }
  }
  return hits;
}

/// The candidates, best first.
std::vector<std::pair<ChunkId, HitScores>> rank(Store& store, const SearchQuery& query,
                                                const SearchOptions& options, std::size_t count) {
  const bool has_phrases = has_phrase(query.text);
  const Candidates candidates = has_phrases ? find_with_phrases(store, query, options, count)
                                            : find_candidates(store, query, options, count);
  std::vector<std::pair<ChunkId, HitScores>> ranked(candidates.begin(), candidates.end());
  const bool is_hybrid = options.mode == SearchMode::kHybrid;
  const bool has_dense = !query.encoding.dense.empty();
  if (has_dense && (is_hybrid || has_phrases)) complete_dense(store, query, ranked);
  add_up(ranked, options);
  sort_by_total(ranked);
  const bool has_colbert =
      query.encoding.colbert.count() > 0 && store.model().colbert_dimensions > 0;
  if (has_colbert && (is_hybrid || options.mode == SearchMode::kColbert)) {
    rerank(store, query, options.candidates, ranked);
  }
  if (is_hybrid) {
    add_up(ranked, options);
  } else {
    for (auto& [chunk, scores] : ranked) {
      scores.parts = single_part(scores, options.mode);
      scores.total = scores.parts.sum();
    }
  }
  sort_by_total(ranked);
  return ranked;
}

}  // namespace

std::vector<Hit> search(Store& store, const SearchQuery& query, const SearchOptions& options) {
  const std::shared_ptr<void> held = store.hold_state();
  const bool has_phrases = has_phrase(query.text);
  std::size_t count = std::max(has_phrases ? kPhraseCandidates : options.candidates, options.top);
  while (true) {
    const auto ranked = rank(store, query, options, count);
    std::vector<Hit> hits = best_hits(store, options, ranked);
    // A long text may have all candidates of a page: others are behind them.
    const bool is_enough = hits.size() == options.top || ranked.size() < count;
    if (is_enough || !options.one_of_page || count >= kMostCandidates) return hits;
    count *= 8;
  }
}

}  // namespace oko::index
