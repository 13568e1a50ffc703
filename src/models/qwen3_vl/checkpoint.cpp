#include "models/qwen3_vl/checkpoint.h"

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::models::qwen3_vl {

TensorNames TensorNames::detect(const tensor::Weights& weights) {
  const TensorNames layouts[] = {
      {"language_model.model.", "language_model.lm_head", "vision_tower."},
      {"model.language_model.", "lm_head", "model.visual."},
  };
  for (const TensorNames& names : layouts) {
    if (weights.contains(names.text + "norm.weight") &&
        weights.contains(names.vision + "pos_embed.weight")) {
      return names;
    }
  }
  throw Error(ErrorCode::kBadModel,
              tr("the weights have neither language_model.model.norm.weight nor "
                 "model.language_model.norm.weight with a vision tower",
                 "в весах нет ни language_model.model.norm.weight, ни "
                 "model.language_model.norm.weight с башней зрения"),
              tr("a shard is missing, or this is not a Qwen3-VL checkpoint",
                 "не хватает части модели, или это не модель Qwen3-VL"));
}

}  // namespace oko::models::qwen3_vl
