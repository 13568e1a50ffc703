#pragma once

#include <string>

#include "tensor/layers.h"
#include "tensor/linear.h"
#include "tensor/quantization.h"
#include "tensor/weights.h"

namespace oko::models {

/// Loads the layers of one part of a checkpoint: names follow `prefix`, which ends with a dot
/// unless it is empty. The weights and the quantization must outlive it.
struct LayerLoader {
  const tensor::Weights& weights;
  const tensor::QuantizationConfig& quantization;
  std::string prefix;
  float norm_epsilon = 0;
  tensor::cpu::Precision precision = tensor::cpu::Precision::kInt16Activations;

  /// The loader of a part of this part, "layers.0.".
  LayerLoader part(const std::string& name) const;

  /// They throw kBadModel if a tensor is missing or has another shape.
  tensor::Linear linear(const std::string& name, std::int64_t out_features,
                        std::int64_t in_features) const;
  tensor::RmsNorm rms_norm(const std::string& name, std::int64_t width) const;
  tensor::LayerNorm layer_norm(const std::string& name, std::int64_t width) const;
};

}  // namespace oko::models
