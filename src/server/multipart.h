#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace oko::server {

/// A part of a form. The content is that of the body.
struct FormPart {
  std::string name;
  std::string file_name;  ///< empty: it is no file, or its sender does not say
  std::string_view content;
};

/// True for the value of Content-Type of a form with files.
bool is_multipart(std::string_view content_type);

/// The parts of a form (RFC 7578, RFC 2046, 5.1), at most 64. Throws kUsage for a body that is
/// none. `body` must outlive them.
std::vector<FormPart> parse_multipart(std::string_view content_type, std::string_view body);

}  // namespace oko::server
