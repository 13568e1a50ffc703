#pragma once

#include <string_view>

namespace oko::checkpoint {

/// The parts of a model that run at different times. A file keeps the tensors of a part together,
/// so that each part can have its own GPU buffers.
enum class ModelPart { kText, kVision, kHead };

/// The part that a tensor belongs to, by its name in MLX's or Hugging Face's layout:
/// "vision_tower." and "model.visual." are the vision tower, "lm_head." and the heads of BGE-M3 are
/// heads.
ModelPart part_of(std::string_view tensor);

}  // namespace oko::checkpoint
