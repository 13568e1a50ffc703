#pragma once

#include <string>
#include <string_view>

namespace oko::document {

/// For the filter FlateDecode of PDF. Throws kFailed.
std::string deflated(std::string_view bytes);

}  // namespace oko::document
