#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "text/unigram_table.h"

namespace oko::text {

/// Appends to `out` the text normalized like the "Precompiled" normalizer of HF `tokenizers`: a
/// rule, the shortest that fits, replaces a whole grapheme cluster of fewer than six bytes that
/// begins with its key; in other clusters each character is looked up alone. Starts at `at` and
/// stops when `out` is at least `enough` long or the text ends. Returns the position where it
/// stopped, the begin of a cluster. `text` is valid UTF-8.
std::size_t normalize_precompiled(const UnigramTable& table, std::string_view text, std::size_t at,
                                  std::size_t enough, std::string& out);

}  // namespace oko::text
