#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace oko {

/// The value of an environment variable; nothing if it is empty.
inline std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

}  // namespace oko
