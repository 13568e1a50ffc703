#pragma once

#include <cstddef>
#include <string_view>

namespace oko::text {

/// End of the extended grapheme cluster (Unicode Annex 29) that begins at `at` < text.size() of
/// valid UTF-8. Unicode version: that of HF `tokenizers`, see grapheme_ranges.inc.
std::size_t grapheme_end(std::string_view text, std::size_t at);

}  // namespace oko::text
