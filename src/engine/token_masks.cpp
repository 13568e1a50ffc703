#include "engine/token_masks.h"

#include <algorithm>
#include <vector>

namespace oko::engine {

void exclude(std::span<const std::int32_t> ids, std::span<float> logits) {
  for (const std::int32_t id : ids) logits[static_cast<std::size_t>(id)] = kExcludedLogit;
}

void keep_only(std::span<const std::int32_t> ids, std::span<float> logits) {
  std::vector<float> kept;
  kept.reserve(ids.size());
  for (const std::int32_t id : ids) kept.push_back(logits[static_cast<std::size_t>(id)]);
  std::ranges::fill(logits, kExcludedLogit);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    logits[static_cast<std::size_t>(ids[i])] = kept[i];
  }
}

}  // namespace oko::engine
