#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/prompt_lookup.h"
#include "models/qwen3_vl/sequence_state.h"
#include "tensor/logit_rows.h"

namespace oko::engine {

/// Advances a sequence one accepted token at a time. With lookup, guessed tokens are read together
/// with the accepted one; the logits equal those of reading one by one, so the answer does not
/// change (speculative decoding, Leviathan et al. 2023, arXiv:2211.17192, with guesses instead of a
/// draft model).
///
///     accept(id) -> true: logits() are available, from a guess
///                -> false: read next_tokens(), then observe() the logits
class SpeculativeDecoder {
 public:
  /// `logits`: one row, of the token after the prompt. `prompt` has been read by `sequence`, which
  /// must outlive this.
  SpeculativeDecoder(models::qwen3_vl::SequenceState& sequence,
                     std::span<const std::int32_t> prompt, const tensor::LogitRows& logits,
                     bool lookup);

  /// Logits of the next token; scratch of the caller until `accept`.
  std::span<float> logits() { return (*rows_)[row_]; }

  /// Accepts `id`. Returns true if the logits of the token after it are available.
  bool accept(std::int32_t id);

  /// The tokens to read next: the accepted one and, unless `drafts` is false, guesses of the tokens
  /// after it. Removes wrong guesses from the sequence.
  std::vector<std::int32_t> next_tokens(bool drafts);

  /// The logits after each of these tokens: rows first .. of `rows`.
  void observe(const tensor::LogitRows& rows, std::size_t first);

  /// Tokens of the text that the sequence has read; tokens beyond them are wrong guesses.
  std::size_t length_read() const { return length_read_; }

  int drafted_tokens() const { return drafted_; }          ///< guessed and read
  int accepted_draft_tokens() const { return accepted_; }  ///< of them, those that were accepted

 private:
  models::qwen3_vl::SequenceState& sequence_;
  std::optional<PromptLookup> lookup_;
  std::optional<tensor::LogitRows> rows_;  ///< none from next_tokens to observe
  std::size_t row_ = 0;                    ///< of the next token
  std::vector<std::int32_t> draft_;        ///< read, not yet accepted or dropped
  std::size_t at_ = 0;                     ///< number of accepted tokens of the draft
  std::int32_t last_ = 0;                  ///< accepted
  std::size_t length_;                     ///< tokens of the text, drafts not counted
  std::size_t length_read_;                ///< of them, those that the sequence has read
  int drafted_ = 0;
  int accepted_ = 0;
};

}  // namespace oko::engine
