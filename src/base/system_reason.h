#pragma once

#include <string>
#include <system_error>

namespace oko {

/// Why the system refused a call, in the user's language: the text of an errno. A reason without
/// a translation is in English.
std::string system_reason(int error);
/// The same for an error of std::filesystem, whose values are those of errno.
inline std::string system_reason(const std::error_code& error) {
  return system_reason(error.value());
}

}  // namespace oko
