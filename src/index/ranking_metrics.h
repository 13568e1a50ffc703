#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>

namespace oko::index {

// How good a ranking is, as trec_eval computes it (pytrec_eval, which BEIR and MTEB use). A ranking
// is the ids of documents, best first; an id that it repeats counts once, at its best rank.

/// Relevance of the judged documents of one query, by id. Above 0: relevant. All others, and those
/// that nobody judged, are not.
using Judgments = std::map<std::string, int, std::less<>>;

/// Normalized discounted cumulative gain of the first `k`, 0 to 1: trec_eval's ndcg_cut. The gain
/// of a document is its relevance (linear: 2 counts twice as much as 1, not three times as with
/// 2^relevance − 1), divided by log2(rank + 1). 0 if no document is relevant.
double ndcg_at(std::size_t k, std::span<const std::string> ranking, const Judgments& judgments);

/// The share of the relevant documents that are among the first `k`: trec_eval's recall. 0 if none
/// is relevant.
double recall_at(std::size_t k, std::span<const std::string> ranking, const Judgments& judgments);

/// 1 / rank of the first relevant document; 0 if none is among the first `k`. trec_eval's
/// recip_rank of a ranking that was cut.
double reciprocal_rank_at(std::size_t k, std::span<const std::string> ranking,
                          const Judgments& judgments);

/// The figures that `oko eval search` reports: of one query, or the means of several.
struct RankingMetrics {
  double ndcg_at_10 = 0;
  double recall_at_10 = 0;
  double recall_at_100 = 0;
  double mrr_at_10 = 0;
};

RankingMetrics ranking_metrics(std::span<const std::string> ranking, const Judgments& judgments);

/// The mean of each figure: zeros if there are none.
RankingMetrics mean_of(std::span<const RankingMetrics> metrics);

}  // namespace oko::index
