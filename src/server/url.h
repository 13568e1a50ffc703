#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/http_message.h"

namespace oko::server {

/// The target of a request, "/a%20b?c=d" (RFC 9112, 3.2), in its parts. `+` is a space in the
/// query.
struct UrlTarget {
  std::string path;
  HttpFields query;  ///< of a name that stands twice, the last value
};

/// Nothing for a target that is no path, has an escape that is none, or a NUL.
std::optional<UrlTarget> parse_target(std::string_view target);

}  // namespace oko::server
