#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "text/tokenizer_table.h"

namespace oko::text {

/// A stretch of text: an added token, or the text between two.
struct TextSpan {
  std::string_view text;
  const TokenizerTable::Added* token = nullptr;
};

/// Cuts valid UTF-8 at the added tokens of the group `after_nfc`: the leftmost, the longest of
/// those, with the flags single_word, lstrip and rstrip as in HF `tokenizers`. Without
/// `with_special`, tokens marked special are ordinary text.
std::vector<TextSpan> split_at_added_tokens(const TokenizerTable& table, bool after_nfc,
                                            std::string_view text, bool with_special = true);

}  // namespace oko::text
