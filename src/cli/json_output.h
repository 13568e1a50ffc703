#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace oko::cli {

/// `object` as a line. JSON holds UTF-8 only, but names of files may be anything: wrong bytes of a
/// string are replaced, and a second key "..._base64" has all bytes (RFC 4648).
std::string json_line(const nlohmann::ordered_json& object);

/// Prints `object` as a line.
void print_json(const nlohmann::ordered_json& object);

}  // namespace oko::cli
