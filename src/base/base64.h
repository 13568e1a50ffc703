#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace oko {

/// Base64 of RFC 4648, section 4, padded.
std::string base64_of(std::string_view bytes);

/// The bytes of base64 with or without its padding; nothing if `text` is no base64. Bits behind the
/// last byte are not looked at.
std::optional<std::string> bytes_of_base64(std::string_view text);

}  // namespace oko
