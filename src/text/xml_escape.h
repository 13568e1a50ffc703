#pragma once

#include <string>
#include <string_view>

namespace oko::text {

/// `text` as content or attribute of XML 1.0. Characters that XML cannot have, and ill-formed
/// UTF-8, become U+FFFD.
std::string escape_xml(std::string_view text);

}  // namespace oko::text
