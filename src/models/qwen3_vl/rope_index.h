#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "models/qwen3_vl/config.h"
#include "models/qwen3_vl/image_processor.h"

namespace oko::models::qwen3_vl {

/// Positions of a prompt's tokens in time, height and width (Multimodal RoPE, Qwen2-VL,
/// arXiv:2409.12191). Text counts on in all three; a picture's tokens share one time and count rows
/// and columns from it; the text after a picture goes on from the largest position in it.
struct RopeIndex {
  std::vector<std::array<std::int32_t, 3>> positions;  ///< one a token
  std::int32_t delta = 0;  ///< position of token i after the prompt, less i
};

/// `ids` with one run of image tokens a grid, in order. Throws kFailed where runs and grids
/// disagree.
RopeIndex rope_index(std::span<const std::int32_t> ids, std::span<const GridThw> grids,
                     std::int32_t image_token_id, int spatial_merge_size);

/// Cosines and sines of the rotary angles, each (n, head_dim / 2), row-major. Interleaved MRoPE:
/// frequency i turns with the height where i % 3 == 1 and i < 3 · mrope_section[1], with the width
/// where i % 3 == 2 and i < 3 · mrope_section[2], with the time otherwise (Qwen3-VL technical
/// report, arXiv:2511.21631).
struct RotaryTable {
  std::vector<float> cos;
  std::vector<float> sin;
};
RotaryTable text_rotary(std::span<const std::array<std::int32_t, 3>> positions,
                        const TextConfig& config);

/// The same for the vision tower, each (patches, head_dim / 2): the first half of the frequencies
/// turns with a patch's row, the second with its column. Patches in merge order, see `Patches`.
RotaryTable vision_rotary(const GridThw& grid, const VisionConfig& config);

}  // namespace oko::models::qwen3_vl
