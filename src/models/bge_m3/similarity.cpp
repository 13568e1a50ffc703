#include "models/bge_m3/similarity.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace oko::models::bge_m3 {
namespace {

float dot(const float* a, const float* b, std::size_t count) {
  return std::inner_product(a, a + count, b, 0.0f);
}

}  // namespace

float dense_score(const Encoding& query, const Encoding& passage) {
  return dot(query.dense.data(), passage.dense.data(), query.dense.size());
}

float sparse_score(const Encoding& query, const Encoding& passage) {
  float score = 0;
  auto other = passage.sparse.begin();
  for (const auto& [id, weight] : query.sparse) {
    while (other != passage.sparse.end() && other->first < id) ++other;
    if (other == passage.sparse.end()) break;
    if (other->first == id) score += weight * other->second;
  }
  return score;
}

float colbert_score(const Encoding& query, const Encoding& passage) {
  const TokenVectors& q = query.colbert;
  const TokenVectors& p = passage.colbert;
  float sum = 0;
  for (std::size_t i = 0; i < q.count(); ++i) {
    float best = -std::numeric_limits<float>::infinity();
    for (std::size_t j = 0; j < p.count(); ++j) {
      best = std::max(best, dot(q.row(i), p.row(j), q.dimensions));
    }
    sum += best;
  }
  return sum / static_cast<float>(q.count());
}

float fused_score(const Encoding& query, const Encoding& passage, const ScoreWeights& weights) {
  return (weights.dense * dense_score(query, passage) +
          weights.sparse * sparse_score(query, passage) +
          weights.colbert * colbert_score(query, passage)) /
         (weights.dense + weights.sparse + weights.colbert);
}

}  // namespace oko::models::bge_m3
