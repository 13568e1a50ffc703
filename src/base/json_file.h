#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace oko {

/// A small JSON file (at most 32 MB) that holds an object. Throws `bad`: missing, not JSON, not an
/// object.
nlohmann::json read_json_object(const std::filesystem::path& path, ErrorCode bad);

/// A value as it may stand in a message: at most 60 bytes, and for a list or an object only its
/// kind (nlohmann's dump() is recursive, so a deeply nested value would exhaust the stack).
std::string brief(const nlohmann::json& value);

}  // namespace oko
