#include "engine/answer_writer.h"

#include <algorithm>

namespace oko::engine {

bool AnswerWriter::push(std::int32_t id) {
  if (std::find(end_tokens_.begin(), end_tokens_.end(), id) != end_tokens_.end()) {
    finish_reason_ = FinishReason::kStop;
    return false;
  }
  ++tokens_;
  show(stops_.push(detokenizer_.push(id)));
  if (stops_.matched() || (!may_loop_ && loop_.push(id))) {
    finish_reason_ = stops_.matched() ? FinishReason::kStop : FinishReason::kLoop;
    return false;
  }
  return tokens_ < max_tokens_;
}

void AnswerWriter::finish() {
  show(stops_.push(detokenizer_.flush()));
  show(stops_.flush());
}

void AnswerWriter::show(const std::string& text) {
  if (text.empty()) return;
  text_ += text;
  reader_.push(text);
}

}  // namespace oko::engine
