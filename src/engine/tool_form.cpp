#include "engine/tool_form.h"

#include <cstddef>
#include <utility>

#include "engine/token_masks.h"

namespace oko::engine {
namespace {

class ToolMask : public LogitsProcessor {
 public:
  explicit ToolMask(std::shared_ptr<const ToolForm::Options> options)
      : options_(std::move(options)), state_(options_->must_call ? State::kAgain : State::kText) {
    if (options_->text != nullptr && !options_->must_call) text_.emplace(options_->text);
  }

  void apply(std::span<float> logits) override {
    switch (state_) {
      case State::kText:
        if (text_) {
          mask_text(logits);
        } else {
          exclude(std::span(&options_->tokens.end, 1), logits);
        }
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
        if (id != options_->tokens.begin) {
          if (text_) text_->accept(id);
          has_text_ = true;
          break;
        }
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

  /// The first token decides if the answer is text or a call.
  void mask_text(std::span<float> logits) {
    float& begin = logits[static_cast<std::size_t>(options_->tokens.begin)];
    const float call = begin;
    text_->mask(logits);
    if (!has_text_) begin = call;
  }

  std::vector<std::int32_t> after_call() const {
    std::vector<std::int32_t> ids = options_->end_tokens;
    if (options_->may_repeat && options_->line_feed) ids.push_back(*options_->line_feed);
    return ids;
  }

  std::shared_ptr<const ToolForm::Options> options_;
  State state_;
  std::optional<grammar::Matcher> text_, call_;
  bool has_text_ = false;
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
