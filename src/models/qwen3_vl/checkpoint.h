#pragma once

#include <string>

#include "models/layer_loader.h"
#include "models/qwen3_vl/config.h"
#include "tensor/weights.h"

namespace oko::models::qwen3_vl {

/// Names of the weights in one of the two layouts in use: MLX's (mlx-community) and Hugging Face's.
struct TensorNames {
  std::string text;     ///< "language_model.model." or "model.language_model."
  std::string lm_head;  ///< "language_model.lm_head" or "lm_head"
  std::string vision;   ///< "vision_tower." or "model.visual."

  /// Throws kBadModel if the weights have neither layout.
  static TensorNames detect(const tensor::Weights& weights);
};

/// The inputs for reading a model's parts.
struct Checkpoint {
  const tensor::Weights& weights;
  const Config& config;
  TensorNames names;

  LayerLoader text() const {
    return {weights, config.quantization, names.text, config.text.rms_norm_eps};
  }
  LayerLoader vision() const {
    constexpr float kLayerNormEpsilon = 1e-6f;
    return {weights, config.quantization, names.vision, kLayerNormEpsilon};
  }
};

}  // namespace oko::models::qwen3_vl
