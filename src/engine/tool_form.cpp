#include "engine/tool_form.h"

#include <limits>
#include <utility>

namespace oko::engine {
namespace {

constexpr float kExcluded = -std::numeric_limits<float>::infinity();

/// Keeps those logits of `ids` that are there, and excludes all others.
void keep_only(std::span<const std::int32_t> ids, std::span<float> logits) {
  std::vector<float> kept;
  kept.reserve(ids.size());
  for (const std::int32_t id : ids) kept.push_back(logits[static_cast<std::size_t>(id)]);
  for (float& logit : logits) logit = kExcluded;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    logits[static_cast<std::size_t>(ids[i])] = kept[i];
  }
}

class ToolMask : public LogitsProcessor {
 public:
  explicit ToolMask(std::shared_ptr<const ToolForm::Options> options)
      : options_(std::move(options)), state_(options_->must_call ? State::kAgain : State::kText) {}

  void apply(std::span<float> logits) override {
    switch (state_) {
      case State::kText:
        logits[static_cast<std::size_t>(options_->tokens.end)] = kExcluded;
        break;
      case State::kCall:
        call_->mask(logits);
        break;
      case State::kAfter:
        keep_only(after_call(), logits);
        break;
      case State::kAgain:
        keep_only(std::span(&options_->tokens.begin, 1), logits);
        break;
    }
  }

  void observe(std::int32_t id) override {
    switch (state_) {
      case State::kText:
      case State::kAgain:
        if (id != options_->tokens.begin) break;
        call_.emplace(options_->calls);
        state_ = State::kCall;
        break;
      case State::kCall:
        call_->accept(id);
        if (call_->has_ended()) state_ = State::kAfter;
        break;
      case State::kAfter:
        state_ = State::kAgain;
        break;
    }
  }

 private:
  enum class State { kText, kCall, kAfter, kAgain };

  std::vector<std::int32_t> after_call() const {
    std::vector<std::int32_t> ids = options_->end_tokens;
    if (options_->may_repeat && options_->line_feed) ids.push_back(*options_->line_feed);
    return ids;
  }

  std::shared_ptr<const ToolForm::Options> options_;
  State state_;
  std::optional<grammar::Matcher> call_;
};

}  // namespace

ToolForm::ToolForm(Options options)
    : options_(std::make_shared<const Options>(std::move(options))) {}

std::unique_ptr<LogitsProcessor> ToolForm::begin() const {
  return std::make_unique<ToolMask>(options_);
}

std::optional<CallTokens> ToolForm::call_tokens() const {
  return options_->tokens;
}

}  // namespace oko::engine
