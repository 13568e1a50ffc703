#pragma once

#include <string>
#include <string_view>

namespace oko::server {

/// The bytes of a picture as a request sends it: "data:image/png;base64,..." (RFC 2397). `name`: of
/// the field, for messages. The media type is not looked at: the content decides. Throws kUsage for
/// anything else; addresses and paths are not fetched.
std::string bytes_of_data_uri(std::string_view uri, const std::string& name);

/// The bytes of plain base64, or of a data URI. Throws kUsage.
std::string bytes_of_picture_text(std::string_view text, const std::string& name);

}  // namespace oko::server
