#pragma once

#include <span>
#include <vector>

#include "models/bge_m3/modules.h"

namespace oko::models::bge_m3 {

/// A layer behind pooling: activation(W x + b), plus its input if it has a residual. Computes in
/// f64. Reference: sentence-transformers, Dense.
class Dense {
 public:
  /// Reads model.safetensors or pytorch_model.bin of the step's folder. Throws kBadModel: no such
  /// files, a tensor missing, of another shape or not of floats.
  explicit Dense(const VectorStep& step);

  std::vector<float> operator()(std::span<const float> x) const;

 private:
  VectorStep step_;
  std::vector<float> weight_;    ///< (out_features, in_features)
  std::vector<float> bias_;      ///< empty: none
  std::vector<float> residual_;  ///< as the weight; empty: the input itself, if any
};

}  // namespace oko::models::bge_m3
