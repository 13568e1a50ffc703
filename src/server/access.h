#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/http_message.h"

namespace oko::server {

/// Who may ask. A page in a browser can send requests to any address that the browser reaches: Host
/// and Origin, or Sec-Fetch-Site, tell them from programs and from oko's own page.
struct AccessRules {
  std::string api_key = {};  ///< empty: none is asked for
  /// Names in the header Host besides localhost, 127.0.0.1, [::1]; "*": any. A page whose name was
  /// made to lead to this machine (DNS rebinding) sends its own.
  std::vector<std::string> hosts = {};
  std::vector<std::string> origins = {};  ///< of pages elsewhere: "https://chat.example"; "*": any
};

enum class Access {
  kGranted,
  kWrongHost,    ///< 403
  kWrongOrigin,  ///< 403
  kNoKey,        ///< 401: missing or wrong
};

/// Decides by the header of a request alone. `/health` needs no key.
Access check_access(const AccessRules& rules, const HttpRequest& request);

/// Compares in a time that depends on the length of `given` alone.
bool is_same_key(std::string_view key, std::string_view given);

}  // namespace oko::server
