#include "engine/speculative_decoder.h"

namespace oko::engine {

SpeculativeDecoder::SpeculativeDecoder(models::qwen3_vl::SequenceState& sequence,
                                       std::span<const std::int32_t> prompt,
                                       const tensor::LogitRows& logits, bool lookup)
    : sequence_(sequence), rows_(logits), length_(sequence.length()), length_read_(length_) {
  if (lookup) lookup_.emplace(prompt);
}

bool SpeculativeDecoder::accept(std::int32_t id) {
  if (lookup_) lookup_->push(id);
  last_ = id;
  ++length_;
  length_read_ = length_ - 1;
  if (draft_.empty()) return false;
  const bool right = draft_[at_] == id;
  if (right) length_read_ = length_;
  if (right) {
    ++row_;
    ++at_;
    ++accepted_;
  }
  if (!right || at_ == draft_.size()) {
    lookup_->update_acceptance(draft_.size(), at_);
    draft_.clear();
  }
  return right;
}

std::vector<std::int32_t> SpeculativeDecoder::next_tokens(bool drafts) {
  sequence_.truncate(length_ - 1);
  rows_.reset();  // the next ones take their memory
  draft_ = lookup_ && drafts ? lookup_->draft() : std::vector<std::int32_t>();
  at_ = 0;
  std::vector<std::int32_t> ids{last_};
  ids.insert(ids.end(), draft_.begin(), draft_.end());
  return ids;
}

void SpeculativeDecoder::observe(const tensor::LogitRows& rows, std::size_t first) {
  rows_ = rows;
  row_ = first;
  drafted_ += static_cast<int>(draft_.size());
}

}  // namespace oko::engine
