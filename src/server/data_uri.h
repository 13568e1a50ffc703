#pragma once

#include <string>
#include <string_view>

#include "server/chat_task.h"

namespace oko::server {

/// The bytes of a picture as a request sends it: "data:image/png;base64,..." (RFC 2397). `name`: of
/// the field, for messages. The media type is not looked at: the content decides. Throws kUsage for
/// anything else; addresses and paths are not fetched.
std::string bytes_of_data_uri(std::string_view uri, const std::string& name);

/// The picture of a data URI, or one of http or https that is yet to be fetched (RemotePictures).
/// `name`: of the picture; `field`: that has the URI. Throws kUsage.
ChatPicture picture_of_uri(std::string_view uri, const std::string& name, const std::string& field);

/// The bytes of plain base64, or of a data URI. Throws kUsage.
std::string bytes_of_picture_text(std::string_view text, const std::string& name);

}  // namespace oko::server
