#pragma once

#include <system_error>

#include "base/localized_text.h"

namespace oko {

/// The text of an errno: the reason why the system refused a call. A reason without a translation
/// is in English.
LocalizedText system_reason(int error);
/// The same for an error of std::filesystem, whose values are those of errno.
inline LocalizedText system_reason(const std::error_code& error) {
  return system_reason(error.value());
}

}  // namespace oko
