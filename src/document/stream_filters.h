#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace oko::document {

/// The result of the PDF filters ASCII85Decode, ASCIIHexDecode, LZWDecode and RunLengthDecode for
/// `data` (ISO 32000-1, 7.4), about `most` bytes of it. `filter`: its name, "/LZWDecode". Ends
/// before data that break off or are wrong; nothing for other filters.
std::optional<std::string> without_filter(std::string_view filter, std::string_view data,
                                          std::size_t most);

}  // namespace oko::document
