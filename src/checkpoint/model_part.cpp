#include "checkpoint/model_part.h"

#include <algorithm>
#include <initializer_list>

namespace oko::checkpoint {

ModelPart part_of(std::string_view tensor) {
  const auto begins_with_any = [&](std::initializer_list<std::string_view> prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](const std::string_view prefix) { return tensor.starts_with(prefix); });
  };
  if (begins_with_any({"vision_tower.", "model.visual.", "visual."})) return ModelPart::kVision;
  if (begins_with_any(
          {"lm_head.", "language_model.lm_head.", "sparse_linear.", "colbert_linear."})) {
    return ModelPart::kHead;
  }
  return ModelPart::kText;
}

}  // namespace oko::checkpoint
