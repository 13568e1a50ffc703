#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "text/unigram_table.h"

namespace oko::text {

/// Appends to `out` the text that HF `tokenizers` makes by a "Precompiled" normalizer: a grapheme
/// cluster of fewer than six bytes that begins with a rule is replaced by that rule, the shortest
/// that fits, and what the cluster holds beyond it is dropped; of other clusters each character is
/// looked up alone. Goes from `at` on until `out` is at least `enough` long or the text ends;
/// returns where it stopped, which is where a cluster begins. `text` is valid UTF-8.
std::size_t normalize_precompiled(const UnigramTable& table, std::string_view text, std::size_t at,
                                  std::size_t enough, std::string& out);

}  // namespace oko::text
