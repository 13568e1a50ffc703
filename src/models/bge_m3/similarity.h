#pragma once

#include "models/bge_m3/encoding.h"

namespace oko::models::bge_m3 {

// Scores of a query and a passage, as FlagEmbedding computes them. Both must have the output.

/// Cosine of the dense vectors, -1..1.
float dense_score(const Encoding& query, const Encoding& passage);

/// Sum of the products of the weights of common tokens, >= 0.
float sparse_score(const Encoding& query, const Encoding& passage);

/// Mean over the query's vectors of the best cosine among the passage's ("late interaction",
/// Khattab & Zaharia 2020, arXiv:2004.12832), -1..1.
float colbert_score(const Encoding& query, const Encoding& passage);

/// The weights of the three scores in the mean.
struct ScoreWeights {
  float dense = 0.4f;
  float sparse = 0.2f;
  float colbert = 0.4f;  ///< all three: from BGE-M3's model card
};

/// The weighted mean of the three scores.
float fused_score(const Encoding& query, const Encoding& passage, const ScoreWeights& weights = {});

}  // namespace oko::models::bge_m3
