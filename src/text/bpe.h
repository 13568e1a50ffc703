#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/tokenizer_table.h"

namespace oko::text {

/// Appends the tokens of one piece: starting from its bytes, merges the neighbours of the lowest
/// rank first, the leftmost of equals (Sennrich et al. 2016, as in HF `tokenizers`). O(n log n) on
/// long pieces.
void append_bpe(const TokenizerTable& table, std::string_view piece,
                std::vector<std::int32_t>& ids);

}  // namespace oko::text
