#include "engine/prompt_lookup.h"

#include <algorithm>

#include "models/qwen3_vl/limits.h"

namespace oko::engine {

static_assert(PromptLookup::kMaxDraft < std::size_t{models::qwen3_vl::kFewTokens},
              "a draft and the token before it are one graph");

std::vector<std::int32_t> PromptLookup::draft() const {
  constexpr std::size_t kLongest = 4, kShortest = 2;  // tokens that must match
  for (std::size_t n = kLongest; n >= kShortest; --n) {
    if (ids_.size() <= n) continue;
    const auto tail = ids_.end() - static_cast<std::ptrdiff_t>(n);
    // Search backwards: a text most likely repeats its latest words.
    const auto found = std::find_end(ids_.begin(), ids_.end() - 1, tail, ids_.end());
    if (found == ids_.end() - 1) continue;
    const auto first = found + static_cast<std::ptrdiff_t>(n);
    const auto count =
        std::min<std::ptrdiff_t>(ids_.end() - first, static_cast<std::ptrdiff_t>(limit_));
    return {first, first + count};
  }
  return {};
}

void PromptLookup::update_acceptance(std::size_t drafted, std::size_t right) {
  limit_ = right == drafted ? std::min(kMaxDraft, 2 * limit_ + 1) : std::max<std::size_t>(1, right);
}

}  // namespace oko::engine
