#include "engine/thinking_form.h"

#include <cstddef>
#include <utility>

#include "engine/stopping.h"
#include "engine/token_masks.h"

namespace oko::engine {
namespace {

class ThinkingMask : public LogitsProcessor {
 public:
  explicit ThinkingMask(std::shared_ptr<const ThinkingForm::Options> options)
      : options_(std::move(options)),
        answer_(options_->answer->begin()),
        state_(options_->tokens.are_open ? State::kThoughts : State::kFirst) {}

  void apply(std::span<float> logits) override {
    switch (state_) {
      case State::kFirst: {
        float& begin = logits[static_cast<std::size_t>(options_->tokens.begin)];
        const float think = begin;
        answer_->apply(logits);
        begin = think;
        break;
      }
      case State::kThoughts:
        if (is_looping_) return keep_only(std::span(&options_->tokens.end, 1), logits);
        exclude(options_->excluded, logits);
        exclude(std::span(&options_->tokens.begin, 1), logits);
        break;
      case State::kGap:
        keep_only(std::span(&options_->gap[in_gap_], 1), logits);
        break;
      case State::kAnswer:
        answer_->apply(logits);
        break;
    }
  }

  void observe(std::int32_t id) override {
    switch (state_) {
      case State::kFirst:
        state_ = id == options_->tokens.begin ? State::kThoughts : State::kAnswer;
        if (state_ == State::kAnswer) answer_->observe(id);
        break;
      case State::kThoughts:
        if (id == options_->tokens.end) state_ = State::kGap;
        is_looping_ = loop_.push(id);
        break;
      case State::kGap:
        if (++in_gap_ == options_->gap.size()) state_ = State::kAnswer;
        break;
      case State::kAnswer:
        answer_->observe(id);
        break;
    }
  }

 private:
  enum class State { kFirst, kThoughts, kGap, kAnswer };

  std::shared_ptr<const ThinkingForm::Options> options_;
  std::unique_ptr<LogitsProcessor> answer_;
  State state_;
  LoopDetector loop_;
  bool is_looping_ = false;
  std::size_t in_gap_ = 0;
};

}  // namespace

std::unique_ptr<LogitsProcessor> ThinkingForm::begin() const {
  return std::make_unique<ThinkingMask>(options_);
}

}  // namespace oko::engine
