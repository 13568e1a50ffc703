#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace oko {

/// A small JSON file (at most 32 MB), as Python reads it: NaN and the infinities count as null.
/// Throws `bad`: missing, not JSON, UTF-16.
nlohmann::json read_json(const std::filesystem::path& path, ErrorCode bad);

/// The same of a file that holds an object; throws where it holds anything else.
nlohmann::json read_json_object(const std::filesystem::path& path, ErrorCode bad);

/// A value as it may stand in a message: at most 60 bytes, and for a list or an object only its
/// kind (nlohmann's dump() is recursive, so a deeply nested value would exhaust the stack).
LocalizedText brief(const nlohmann::json& value);

}  // namespace oko
