#pragma once

#include <cstdint>
#include <string>

#include "text/tokenizer.h"

namespace oko::text {

/// Streams the text of tokens, never half a UTF-8 character. The concatenated results of `push` and
/// the last `flush` are `decode(ids, true)` of all the ids.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  /// The text that is complete after `id`; may be empty. Special tokens have no text.
  std::string push(std::int32_t id);

  /// Returns U+FFFD for an unfinished character, else nothing, and starts again.
  std::string flush();

 private:
  const Tokenizer* tokenizer_;
  std::string pending_;  // the beginning of a character, at most three bytes
};

}  // namespace oko::text
