#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/tokenizer_table.h"

namespace oko::text {

/// Appends the tokens of one piece: from its bytes, the neighbours of the lowest rank merge first,
/// the leftmost of equals (Sennrich et al. 2016, as HF `tokenizers` does it). O(n log n) on long
/// pieces.
void append_bpe(const TokenizerTable& table, std::string_view piece,
                std::vector<std::int32_t>& ids);

}  // namespace oko::text
