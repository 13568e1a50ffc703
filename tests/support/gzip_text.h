#pragma once

#include <string>

namespace oko {

inline const std::string kPlainText = "whole text";

/// printf 'whole text' | gzip -n
inline const std::string kGzipText(
    "\x1f\x8b\x08\0\0\0\0\0\0\x03\x2b\xcf\xc8\xcf\x49\x55\x28\x49\xad\x28\x01\0\x9b\x88\x4e\xd6\x0a"
    "\0\0\0",
    30);

}  // namespace oko
