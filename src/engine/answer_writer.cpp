#include "engine/answer_writer.h"

#include <algorithm>

namespace oko::engine {

bool AnswerWriter::push(std::int32_t id, const TokenReport* report) {
  if (std::ranges::find(end_tokens_, id) != end_tokens_.end()) {
    finish_reason_ = FinishReason::kStop;
    return false;
  }
  ++tokens_;
  if (report != nullptr) show_logprobs(*report);
  if (!push_call(id)) show(stops_.push(detokenizer_.push(id)));
  if (stops_.matched() || (!may_loop_ && loop_.push(id))) {
    finish_reason_ = stops_.matched() ? FinishReason::kStop : FinishReason::kLoop;
    return false;
  }
  return tokens_ < max_tokens_;
}

/// True if the token is one of a call, or around it.
bool AnswerWriter::push_call(std::int32_t id) {
  if (!call_tokens_) return false;
  if (!is_in_call_ && id == call_tokens_->begin) {
    finish();  // the text before it is whole
    calls_.emplace_back();
    is_in_call_ = true;
    return true;
  }
  if (!is_in_call_) return !calls_.empty();  // a line feed between calls
  if (id == call_tokens_->end) {
    show_call(detokenizer_.flush());
    is_in_call_ = false;
  } else {
    show_call(detokenizer_.push(id));
  }
  return true;
}

void AnswerWriter::finish() {
  if (is_in_call_) return show_call(detokenizer_.flush());
  show(stops_.push(detokenizer_.flush()));
  show(stops_.flush());
}

void AnswerWriter::show(const std::string& text) {
  if (text.empty()) return;
  text_ += text;
  reader_.push(text);
}

void AnswerWriter::show_logprobs(const TokenReport& report) {
  const auto with_bytes = [&](const TokenProbability& token) -> TokenLogprob {
    return {std::string(tokenizer_.token_bytes(token.id)), token.logprob};
  };
  TokenLogprobs token{with_bytes(report.chosen), {}};
  for (const TokenProbability& other : report.top) token.top.push_back(with_bytes(other));
  logprobs_.push_back(token);
  reader_.push(std::move(token));
}

void AnswerWriter::show_call(const std::string& text) {
  if (text.empty()) return;
  calls_.back() += text;
  reader_.push(CallPiece{calls_.size() - 1, text});
}

}  // namespace oko::engine
