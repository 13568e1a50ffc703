#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/qwen3_vl/config.h"
#include "models/qwen3_vl/image_processor.h"
#include "models/qwen3_vl/rope_index.h"

namespace oko::models::qwen3_vl {

/// The identity of a picture: a hash of 128 bits of the input of the vision tower.
using ContentKey = std::array<std::uint64_t, 2>;

/// A picture of a prompt, before the vision tower has seen it.
struct PromptImage {
  GridThw grid_thw;
  ContentKey key = {};
};

/// The place of a picture in a prompt: tokens first .. first + count.
struct ImageSpan {
  std::size_t first = 0;
  std::size_t count = 0;
  ContentKey key = {};
};

/// A prompt as input of the model. Pure data: any thread may make it.
struct PromptLayout {
  std::vector<std::int32_t> ids;                       ///< a run of image tokens a picture
  std::vector<std::array<std::int32_t, 3>> positions;  ///< one a token: time, height, width
  std::int32_t rope_delta = 0;                         ///< see RopeIndex
  std::vector<ImageSpan> images;                       ///< in order

  std::size_t size() const { return ids.size(); }
};

/// Throws kBadModel for tokens outside the vocabulary; kFailed if `ids` is empty or if runs of
/// image tokens and pictures disagree.
PromptLayout layout_prompt(std::vector<std::int32_t> ids, std::span<const PromptImage> images,
                           const Config& config);

/// The number of tokens that two prompts begin with in common: the same tokens and, for image
/// tokens, the same picture. A picture may be cut off.
std::size_t common_prefix(const PromptLayout& a, const PromptLayout& b);

}  // namespace oko::models::qwen3_vl
