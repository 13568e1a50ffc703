#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/answer_stream.h"
#include "engine/generation.h"
#include "engine/stopping.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"

namespace oko::engine {

/// Turns the tokens of an answer into text for its reader, and detects the end of the answer.
class AnswerWriter {
 public:
  /// `end_tokens` and `tokenizer` must outlive this. `may_loop`: a text that repeats itself goes
  /// on.
  AnswerWriter(const text::Tokenizer& tokenizer, std::span<const std::int32_t> end_tokens,
               const std::vector<std::string>& stops, int max_tokens, bool may_loop,
               AnswerStream& reader)
      : end_tokens_(end_tokens),
        max_tokens_(max_tokens),
        may_loop_(may_loop),
        reader_(reader),
        detokenizer_(tokenizer),
        stops_(stops) {}

  /// Adds the next token of the answer. Returns false if it was the last, or ends the answer.
  bool push(std::int32_t id);

  /// Shows the text that was held back. Call once, after the last token.
  void finish();

  int tokens() const { return tokens_; }  ///< of the answer, the end token not counted
  FinishReason finish_reason() const { return finish_reason_; }
  std::string& text() { return text_; }

 private:
  void show(const std::string& text);

  std::span<const std::int32_t> end_tokens_;
  int max_tokens_;
  bool may_loop_;
  AnswerStream& reader_;
  text::Detokenizer detokenizer_;
  StopStrings stops_;
  LoopDetector loop_;
  int tokens_ = 0;
  FinishReason finish_reason_ = FinishReason::kLength;
  std::string text_;
};

}  // namespace oko::engine
