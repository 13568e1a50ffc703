#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace oko::cli {

/// `object` as a line. JSON holds UTF-8 only, but names of files may be anything: wrong bytes of a
/// string are replaced, and a second key "..._base64" has all bytes (RFC 4648).
std::string json_line(const nlohmann::ordered_json& object);

/// True once `json_line` has made an object, or `count_json_object` was called.
bool has_json_object();
/// Counts an object of another writer.
void count_json_object();

/// Prints `object` as a line.
void print_json(const nlohmann::ordered_json& object);

/// {"code": "bad_input", "message": ..., "hint": ...}, in the user's language; no "hint" if it is
/// empty.
nlohmann::ordered_json error_json(const Error& error);

}  // namespace oko::cli
