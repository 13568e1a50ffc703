#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/prompt_lookup.h"
#include "models/qwen3_vl/sequence.h"

namespace oko::engine {

/// Leads a sequence on, token by token: gives the logits of the next token and takes the token that
/// was chosen from them. With lookup, guessed tokens are read together with the chosen one; the
/// logits are those of reading one by one all the same, so the answer does not change.
class Continuation {
 public:
  /// `logits`: of the token after the prompt. `prompt` has been read by `sequence`.
  Continuation(models::qwen3_vl::Sequence& sequence, std::span<const std::int32_t> prompt,
               std::vector<float> logits, bool lookup);

  /// Of the next token; scratch of the caller until `accept`.
  std::vector<float>& logits() { return logits_; }

  /// The next token is `id`: afterwards `logits` are those of the one after it.
  void accept(std::int32_t id);

  int drafted_tokens() const { return drafted_; }  ///< guessed and read
  int accepted_drafts() const { return right_; }   ///< of them, those that were chosen

 private:
  bool take_from_draft(std::int32_t id);

  models::qwen3_vl::Sequence& sequence_;
  std::optional<PromptLookup> lookup_;
  std::vector<float> logits_;
  std::vector<std::int32_t> draft_;            ///< read, not yet chosen or dropped
  std::vector<std::vector<float>> following_;  ///< logits after each token of the draft
  std::size_t at_ = 0;                         ///< of the draft, how many were chosen
  std::size_t length_;                         ///< tokens of the text, drafts not counted
  int drafted_ = 0;
  int right_ = 0;
};

}  // namespace oko::engine
