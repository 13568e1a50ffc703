#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace oko {

// Makes text of a file, a model or a user safe to show. Control characters (C0, DEL, C1) could
// drive a terminal or hide the text after them.

/// True if `text` is UTF-8 (Unicode, table 3-7: no surrogates, nothing longer than it must be).
bool is_utf8(std::string_view text);

/// The same without NUL, which texts in other encodings have: UTF-16.
bool is_plain_utf8(std::string_view text);

/// The beginning of `text`, for a message: at most `max_bytes`, no character cut, "?" for control
/// characters, for those that break a line or turn its direction (U+2028 to U+202E, U+2066 to
/// U+2069) and, if it is not UTF-8, for all bytes beyond ASCII.
std::string excerpt(std::string_view text, std::size_t max_bytes = 200);

/// `text` with spaces for the characters that an excerpt marks, line breaks too.
std::string one_line(std::string_view text);

/// `text` without control characters but line breaks and tabs.
std::string printable(std::string_view text);

}  // namespace oko
