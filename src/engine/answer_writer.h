#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
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
  /// `end_tokens` and `tokenizer` must outlive this. `thoughts`: of a model that thinks.
  /// `max_tokens`: at most, of `request` or fewer.
  AnswerWriter(const text::Tokenizer& tokenizer, std::span<const std::int32_t> end_tokens,
               std::optional<ThoughtTokens> thoughts, const GenerationRequest& request,
               int max_tokens, AnswerStream& reader)
      : tokenizer_(tokenizer),
        end_tokens_(end_tokens),
        thought_tokens_(thoughts),
        place_(!thoughts            ? Place::kAnswer
               : thoughts->are_open ? Place::kThoughts
                                    : Place::kFirst),
        max_tokens_(max_tokens),
        has_form_(request.form != nullptr),
        has_free_text_(!has_form_ || request.form->has_free_text()),
        call_tokens_(request.form ? request.form->call_tokens() : std::nullopt),
        reader_(reader),
        detokenizer_(tokenizer),
        stops_(request.stop) {}

  /// Adds the next token of the answer, with its probability if that is told. Returns false if it
  /// was the last, or ends the answer.
  bool push(std::int32_t id, const TokenReport* report = nullptr);

  /// Shows the text that was held back. Call once, after the last token.
  void finish();

  int tokens() const { return tokens_; }  ///< of the answer, the end token not counted
  int tokens_of_thoughts() const { return tokens_of_thoughts_; }  ///< of them
  FinishReason finish_reason() const { return finish_reason_; }
  /// The stop string that ended it; empty: none.
  const std::string& stop() const { return stops_.match(); }
  std::string& text() { return text_; }
  std::string& thoughts() { return thoughts_; }
  std::vector<std::string>& calls() { return calls_; }
  std::vector<TokenLogprobs>& logprobs() { return logprobs_; }

 private:
  /// kFirst: where thoughts may begin. kGap: the line feeds after them.
  enum class Place { kFirst, kThoughts, kGap, kAnswer };

  void show(const std::string& text);
  void show_thoughts(const std::string& text);
  bool push_thought(std::int32_t id);
  void show_call(const std::string& text);
  bool push_call(std::int32_t id);

  void show_logprobs(const TokenReport& report);

  const text::Tokenizer& tokenizer_;
  std::span<const std::int32_t> end_tokens_;
  std::optional<ThoughtTokens> thought_tokens_;
  Place place_;
  int max_tokens_;
  bool has_form_, has_free_text_;
  std::optional<CallTokens> call_tokens_;  ///< what is between them is no text
  AnswerStream& reader_;
  text::Detokenizer detokenizer_;
  StopStrings stops_;
  LoopDetector loop_;
  int tokens_ = 0;
  FinishReason finish_reason_ = FinishReason::kLength;
  std::string text_;
  std::string thoughts_;
  std::string thoughts_held_;  ///< line feeds, which are no thoughts at their end
  int tokens_of_thoughts_ = 0;
  std::vector<std::string> calls_;
  std::vector<TokenLogprobs> logprobs_;
  bool is_in_call_ = false;
};

}  // namespace oko::engine
