#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "text/tokenizer_source.h"
#include "text/tokenizer_table.h"

namespace oko::text {

/// The block of a TokenizerTable. Throws kBadModel, naming `name`: contradictory tokens or merges,
/// a byte without a token.
std::vector<std::byte> build_table(const TokenizerSource& source, const TableSources& files,
                                   const std::string& name);

}  // namespace oko::text
