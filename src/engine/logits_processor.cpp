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

void FrequencyPenalty::apply(std::span<float> logits) {
  for (const auto& [id, count] : counts_) {
    if (static_cast<std::size_t>(id) >= logits.size()) continue;
    logits[static_cast<std::size_t>(id)] -= penalty_ * static_cast<float>(count);
  }
}

void LogitBias::apply(std::span<float> logits) {
  for (const TokenBias& bias : biases_) {
    if (static_cast<std::size_t>(bias.id) >= logits.size()) continue;
    logits[static_cast<std::size_t>(bias.id)] += bias.value;
  }
}

}  // namespace oko::engine
