#include "models/qwen3_vl/prompt_layout.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "models/checks.h"

namespace oko::models::qwen3_vl {

PromptLayout layout_prompt(std::vector<std::int32_t> ids, std::span<const PromptImage> images,
                           const Config& config) {
  if (ids.empty()) throw Error(ErrorCode::kFailed, tr("the prompt is empty", "запрос пуст"));
  require_vocabulary(ids, config.text.vocab_size);
  std::vector<GridThw> grids;
  for (const PromptImage& image : images) grids.push_back(image.grid_thw);
  const int merge = config.vision.spatial_merge_size;
  RopeIndex index = rope_index(ids, grids, config.image_token_id, merge);
  PromptLayout layout{std::move(ids), std::move(index.positions), index.delta, {}};
  std::size_t at = 0;
  for (const PromptImage& image : images) {
    while (layout.ids[at] != config.image_token_id) ++at;
    const auto rows = static_cast<std::size_t>(image.grid_thw.h / merge);
    const auto columns = static_cast<std::size_t>(image.grid_thw.w / merge);
    const std::size_t count = static_cast<std::size_t>(image.grid_thw.t) * rows * columns;
    layout.images.push_back({at, count, image.key});
    at += count;
  }
  return layout;
}

std::size_t common_prefix(const PromptLayout& a, const PromptLayout& b) {
  const std::size_t most = std::min(a.size(), b.size());
  const auto unlike = std::mismatch(
      a.ids.begin(), a.ids.begin() + static_cast<std::ptrdiff_t>(most), b.ids.begin());
  auto length = static_cast<std::size_t>(unlike.first - a.ids.begin());
  const std::size_t images = std::min(a.images.size(), b.images.size());
  for (std::size_t i = 0; i < images && a.images[i].first < length; ++i) {
    if (a.images[i].key != b.images[i].key) length = a.images[i].first;
  }
  // Image tokens are the same for all shapes of a picture; their positions differ.
  const auto turned =
      std::mismatch(a.positions.begin(), a.positions.begin() + static_cast<std::ptrdiff_t>(length),
                    b.positions.begin());
  return static_cast<std::size_t>(turned.first - a.positions.begin());
}

}  // namespace oko::models::qwen3_vl
