#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace oko {

/// Text with the bytes that its escapes %XX stand for (RFC 3986, 2.1); nothing if one is none.
std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace oko
