#pragma once

#include <string>
#include <string_view>

namespace oko::text {

/// `text` as valid UTF-8 in NFC: ill-formed bytes become U+FFFD, then canonical composition over
/// the characters that HF `tokenizers` knows (UnicodeTable; newer ones stay as they are). Returns
/// `text` itself if nothing changes, else a view of `storage`. O(n log n) on any input.
std::string_view normalize_text(std::string_view text, std::string& storage);

}  // namespace oko::text
