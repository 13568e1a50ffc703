#pragma once

#include <string>
#include <string_view>

namespace oko::text {

/// `text` in lower case, character by character, as HF `tokenizers` does it (Lowercase): a sigma at
/// the end of a word is one like any other. Ill-formed UTF-8 becomes U+FFFD.
std::string lowercase(std::string_view text);

}  // namespace oko::text
