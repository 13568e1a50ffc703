#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grammar/grammar.h"
#include "text/tokenizer.h"

namespace oko::grammar {

/// True if an answer may be just `text`, then the token `end`.
inline bool accepts_text(std::shared_ptr<const Grammar> grammar, const text::Tokenizer& tokenizer,
                         std::int32_t end, const std::string& text) {
  Matcher matcher(std::move(grammar));
  std::vector<std::int32_t> ids = tokenizer.encode(text);
  ids.push_back(end);
  for (const std::int32_t id : ids) {
    std::vector<float> row(static_cast<std::size_t>(tokenizer.vocab_size()), 1.0f);
    matcher.mask(row);
    if (std::isinf(row[static_cast<std::size_t>(id)])) return false;
    matcher.accept(id);
  }
  return true;
}

}  // namespace oko::grammar
