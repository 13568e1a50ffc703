#pragma once

#include <nlohmann/json.hpp>

namespace oko::cli {

/// Prints `object` on a line of its own. JSON holds UTF-8 only, and names of files may be anything:
/// in a string that is not UTF-8 the wrong bytes are replaced, and a key "..._base64" beside its
/// own has all of them (RFC 4648).
void print_json(const nlohmann::ordered_json& object);

}  // namespace oko::cli
