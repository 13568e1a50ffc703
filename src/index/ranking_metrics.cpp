#include "index/ranking_metrics.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <vector>

namespace oko::index {

namespace {

/// Relevance of the first `k` documents of a ranking. A repeated id is left out.
std::vector<int> relevance_of(std::size_t k, std::span<const std::string> ranking,
                              const Judgments& judgments) {
  std::vector<int> relevance;
  std::set<std::string_view> seen;
  for (const std::string& id : ranking) {
    if (relevance.size() == k) break;
    if (!seen.insert(id).second) continue;
    const auto judged = judgments.find(id);
    relevance.push_back(judged == judgments.end() ? 0 : std::max(0, judged->second));
  }
  return relevance;
}

/// Relevance of all relevant documents, highest first.
std::vector<int> ideal_relevance(const Judgments& judgments) {
  std::vector<int> relevance;
  for (const auto& [id, value] : judgments) {
    if (value > 0) relevance.push_back(value);
  }
  std::sort(relevance.rbegin(), relevance.rend());
  return relevance;
}

double discounted_gain(std::span<const int> relevance) {
  double sum = 0;
  for (std::size_t i = 0; i < relevance.size(); ++i) {
    sum += relevance[i] / std::log2(static_cast<double>(i) + 2);
  }
  return sum;
}

}  // namespace

double ndcg_at(std::size_t k, std::span<const std::string> ranking, const Judgments& judgments) {
  std::vector<int> ideal = ideal_relevance(judgments);
  ideal.resize(std::min(ideal.size(), k));
  const double best = discounted_gain(ideal);
  return best == 0 ? 0 : discounted_gain(relevance_of(k, ranking, judgments)) / best;
}

double recall_at(std::size_t k, std::span<const std::string> ranking, const Judgments& judgments) {
  const std::size_t relevant = ideal_relevance(judgments).size();
  if (relevant == 0) return 0;
  const std::vector<int> found = relevance_of(k, ranking, judgments);
  const auto count = std::count_if(found.begin(), found.end(), [](int value) { return value > 0; });
  return static_cast<double>(count) / static_cast<double>(relevant);
}

double reciprocal_rank_at(std::size_t k, std::span<const std::string> ranking,
                          const Judgments& judgments) {
  const std::vector<int> found = relevance_of(k, ranking, judgments);
  const auto first = std::find_if(found.begin(), found.end(), [](int value) { return value > 0; });
  return first == found.end() ? 0 : 1 / static_cast<double>(first - found.begin() + 1);
}

RankingMetrics ranking_metrics(std::span<const std::string> ranking, const Judgments& judgments) {
  return {.ndcg_at_10 = ndcg_at(10, ranking, judgments),
          .recall_at_10 = recall_at(10, ranking, judgments),
          .recall_at_100 = recall_at(100, ranking, judgments),
          .mrr_at_10 = reciprocal_rank_at(10, ranking, judgments)};
}

RankingMetrics mean_of(std::span<const RankingMetrics> metrics) {
  RankingMetrics mean;
  if (metrics.empty()) return mean;
  for (const RankingMetrics& each : metrics) {
    mean.ndcg_at_10 += each.ndcg_at_10;
    mean.recall_at_10 += each.recall_at_10;
    mean.recall_at_100 += each.recall_at_100;
    mean.mrr_at_10 += each.mrr_at_10;
  }
  const double count = static_cast<double>(metrics.size());
  for (double* figure :
       {&mean.ndcg_at_10, &mean.recall_at_10, &mean.recall_at_100, &mean.mrr_at_10}) {
    *figure /= count;
  }
  return mean;
}

}  // namespace oko::index
