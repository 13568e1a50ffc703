#include "engine/logits_processor.h"

#include <cstddef>

namespace oko::engine {
namespace {

/// Calls change(logit) for those of `ids` that are in the vocabulary.
template <typename Change>
void for_logits_of(const std::unordered_set<std::int32_t>& ids, std::span<float> logits,
                   Change change) {
  for (const std::int32_t id : ids) {
    if (static_cast<std::size_t>(id) < logits.size()) change(logits[static_cast<std::size_t>(id)]);
  }
}

}  // namespace

void RepetitionPenalty::apply(std::span<float> logits) {
  for_logits_of(seen_, logits,
                [&](float& logit) { logit = logit > 0 ? logit / penalty_ : logit * penalty_; });
}

void PresencePenalty::apply(std::span<float> logits) {
  for_logits_of(generated_, logits, [&](float& logit) { logit -= penalty_; });
}

}  // namespace oko::engine
