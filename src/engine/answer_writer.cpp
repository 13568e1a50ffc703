#include "engine/answer_writer.h"

#include <algorithm>
#include <string_view>

namespace oko::engine {

bool AnswerWriter::push(std::int32_t id, const TokenReport* report) {
  if (std::ranges::find(end_tokens_, id) != end_tokens_.end()) {
    finish_reason_ = FinishReason::kStop;
    return false;
  }
  ++tokens_;
  bool may_loop = !has_free_text_;  // the form ends it
  if (push_thought(id)) {
    ++tokens_of_thoughts_;
    may_loop = has_form_;
  } else {
    if (report != nullptr) show_logprobs(*report);
    if (push_call(id)) {
      may_loop = true;
    } else {
      show(stops_.push(detokenizer_.push(id)));
    }
  }
  if (stops_.matched() || (!may_loop && loop_.push(id))) {
    finish_reason_ = stops_.matched() ? FinishReason::kStop : FinishReason::kLoop;
    return false;
  }
  return tokens_ < max_tokens_;
}

/// True if the token is one of the thoughts, or around them.
bool AnswerWriter::push_thought(std::int32_t id) {
  switch (place_) {
    case Place::kFirst:
      place_ = id == thought_tokens_->begin ? Place::kThoughts : Place::kAnswer;
      return place_ == Place::kThoughts;
    case Place::kThoughts:
      if (id == thought_tokens_->end) place_ = Place::kGap;
      show_thoughts(place_ == Place::kGap ? detokenizer_.flush() : detokenizer_.push(id));
      return true;
    case Place::kGap:
      if (tokenizer_.token_bytes(id).find_first_not_of('\n') == std::string_view::npos) return true;
      place_ = Place::kAnswer;
      return false;
    case Place::kAnswer:
      return false;
  }
  return false;
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
  if (place_ == Place::kThoughts) return show_thoughts(detokenizer_.flush());
  show(stops_.push(detokenizer_.flush()));
  show(stops_.flush());
}

void AnswerWriter::show(const std::string& text) {
  if (text.empty()) return;
  text_ += text;
  reader_.push(text);
}

/// Without the line feeds around them.
void AnswerWriter::show_thoughts(const std::string& text) {
  thoughts_held_ += text;
  if (thoughts_.empty()) thoughts_held_.erase(0, thoughts_held_.find_first_not_of('\n'));
  const std::string shown = thoughts_held_.substr(0, thoughts_held_.find_last_not_of('\n') + 1);
  if (shown.empty()) return;
  thoughts_held_.erase(0, shown.size());
  thoughts_ += shown;
  reader_.push_thoughts(shown);
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
