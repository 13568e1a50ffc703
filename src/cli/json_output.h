#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace oko::cli {

/// `object` as a line. JSON holds UTF-8 only, and names of files may be anything: in a string that
/// is not UTF-8 the wrong bytes are replaced, and a second key "..._base64" has all of them
/// (RFC 4648).
std::string json_line(const nlohmann::ordered_json& object);

/// Prints it.
void print_json(const nlohmann::ordered_json& object);

}  // namespace oko::cli
