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
/// and columns from it; the text after a picture continues from its largest position.
struct RopeIndex {
  std::vector<std::array<std::int32_t, 3>> positions;  ///< one a token
  std::int32_t delta = 0;  ///< position of token i after the prompt, minus i
};

/// `ids` has one run of image tokens a grid, in order. Throws kFailed if runs and grids disagree.
RopeIndex rope_index(std::span<const std::int32_t> ids, std::span<const GridThw> grids,
                     std::int32_t image_token_id, int spatial_merge_size);

}  // namespace oko::models::qwen3_vl
