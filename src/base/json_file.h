#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace oko {

/// A small JSON file (at most 32 MB), as Python reads it: NaN and the infinities count as null.
/// Throws `bad`: missing, not JSON, UTF-16.
nlohmann::json read_json(const std::filesystem::path& path, ErrorCode bad);

/// The same for a file that must hold an object.
nlohmann::json read_json_object(const std::filesystem::path& path, ErrorCode bad);

/// A value for a message: at most 60 bytes, and only the kind of a list or an object (nlohmann's
/// dump() is recursive, so a deeply nested value would exhaust the stack).
LocalizedText brief(const nlohmann::json& value);

}  // namespace oko
