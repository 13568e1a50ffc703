#include "engine/continuation.h"

#include <utility>

namespace oko::engine {

Continuation::Continuation(models::qwen3_vl::Sequence& sequence,
                           std::span<const std::int32_t> prompt, std::vector<float> logits,
                           bool lookup)
    : sequence_(sequence), logits_(std::move(logits)), length_(sequence.length()) {
  if (lookup) lookup_.emplace(prompt);
}

void Continuation::accept(std::int32_t id) {
  if (lookup_) lookup_->push(id);
  ++length_;
  if (take_from_draft(id)) return;
  sequence_.truncate(length_ - 1);  // what was guessed wrongly
  draft_ = lookup_ ? lookup_->draft() : std::vector<std::int32_t>();
  std::vector<std::int32_t> ids{id};
  ids.insert(ids.end(), draft_.begin(), draft_.end());
  following_ = sequence_.decode(ids);
  logits_ = std::move(following_.front());
  following_.erase(following_.begin());
  at_ = 0;
  drafted_ += static_cast<int>(draft_.size());
}

bool Continuation::take_from_draft(std::int32_t id) {
  if (draft_.empty()) return false;
  const bool right = draft_[at_] == id;
  if (right) {
    logits_ = std::move(following_[at_]);
    ++at_;
    ++right_;
  }
  if (!right || at_ == draft_.size()) {
    lookup_->settle(draft_.size(), at_);
    draft_.clear();
  }
  return right;
}

}  // namespace oko::engine
