#pragma once

#include <cstddef>
#include <string_view>

namespace oko::server {

// Parts of a JSON text as the client wrote them, since a parsed object forgets the order of its
// keys. The text must be valid JSON; the results are views of it.

/// The value of `key`, the last if there are several. Empty: there is none, or it is no object.
/// Keys that are written with escapes are not found.
std::string_view raw_member(std::string_view object, std::string_view key);

/// The element of an array. Empty: there is none.
std::string_view raw_element(std::string_view array, std::size_t index);

}  // namespace oko::server
