#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "models/qwen3_vl/config.h"
#include "models/qwen3_vl/image_processor.h"
#include "tensor/rotary.h"

namespace oko::models::qwen3_vl {

/// Rotations of the language model, for tokens at these positions in time, height and width.
/// Interleaved MRoPE: frequency i turns with the height if i % 3 == 1 and i < 3 · mrope_section[1],
/// with the width if i % 3 == 2 and i < 3 · mrope_section[2], with the time otherwise (Qwen3-VL
/// technical report, arXiv:2511.21631).
tensor::Rotary text_rotary(std::span<const std::array<std::int32_t, 3>> positions,
                           const TextConfig& config);

/// Rotations of the vision tower: the first half of the frequencies turns with a patch's row, the
/// second with its column. Patches in merge order, see `Patches`.
tensor::Rotary vision_rotary(const GridThw& grid, const VisionConfig& config);

}  // namespace oko::models::qwen3_vl
