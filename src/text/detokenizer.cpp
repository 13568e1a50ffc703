#include "text/detokenizer.h"

#include <utility>

#include "text/utf8.h"

namespace oko::text {

std::string Detokenizer::push(std::int32_t id) {
  if (tokenizer_->is_special(id)) return {};
  pending_ += tokenizer_->token_bytes(id);
  std::string text;
  std::size_t at = 0;
  while (at < pending_.size()) {
    const Utf8Step step = next_utf8(pending_, at);
    if (step.kind == Utf8Step::Kind::kTruncated) break;
    append_utf8(text, step.code_point);
    at += step.length;
  }
  pending_.erase(0, at);
  return text;
}

std::string Detokenizer::flush() {
  return replace_invalid_utf8(std::exchange(pending_, {}));
}

}  // namespace oko::text
