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

/// Tells pictures apart by what the vision tower reads of them: a hash of 128 bits.
using ContentKey = std::array<std::uint64_t, 2>;

/// A picture of a prompt, before the vision tower has seen it.
struct PromptImage {
  GridThw grid_thw;
  ContentKey key = {};
};

/// Where a picture stands in a prompt: tokens first .. first + count.
struct ImageSpan {
  std::size_t first = 0;
  std::size_t count = 0;
  ContentKey key = {};
};

/// A prompt as the model reads it. Pure data: any thread may make it.
struct PromptLayout {
  std::vector<std::int32_t> ids;                       ///< a run of image tokens a picture
  std::vector<std::array<std::int32_t, 3>> positions;  ///< one a token: time, height, width
  std::int32_t rope_delta = 0;                         ///< see RopeIndex
  std::vector<ImageSpan> images;                       ///< in order

  std::size_t size() const { return ids.size(); }
};

/// Throws kBadModel for tokens outside of the vocabulary; kFailed if `ids` is empty or runs of
/// image tokens and pictures disagree.
PromptLayout layout_prompt(std::vector<std::int32_t> ids, std::span<const PromptImage> images,
                           const Config& config);

/// Tokens that two prompts begin with alike: the same tokens, and where they are a picture's, the
/// same picture. A picture that is cut off counts as far as it goes.
std::size_t common_prefix(const PromptLayout& a, const PromptLayout& b);

}  // namespace oko::models::qwen3_vl
