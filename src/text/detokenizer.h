#pragma once

#include <cstdint>
#include <string>

#include "text/tokenizer.h"

namespace oko::text {

/// The text of tokens as they come: never half a UTF-8 character. All that `push` and the last
/// `flush` return, put together, is `decode(ids, true)` of all the ids.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  /// The text that is certain after `id`; may be empty. Special tokens have no text.
  std::string push(std::int32_t id);

  /// U+FFFD for a character that was left unfinished, else nothing. Starts again.
  std::string flush();

 private:
  const Tokenizer* tokenizer_;
  std::string pending_;  // the beginning of a character, at most three bytes
};

}  // namespace oko::text
