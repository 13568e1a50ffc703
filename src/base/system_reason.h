#pragma once

#include <system_error>

#include "base/localized_text.h"

namespace oko {

/// Why the system refused a call: the text of an errno. A reason without a
/// translation is in English.
LocalizedText system_reason(int error);
/// The same for an error of std::filesystem, whose values are those of errno.
inline LocalizedText system_reason(const std::error_code& error) {
  return system_reason(error.value());
}

}  // namespace oko
