#pragma once

#include <string>
#include <string_view>

namespace oko::text {

/// `text` in lower case, character by character, as in HF `tokenizers` (Lowercase): a sigma at the
/// end of a word is no exception. Ill-formed UTF-8 becomes U+FFFD.
std::string lowercase(std::string_view text);

}  // namespace oko::text
