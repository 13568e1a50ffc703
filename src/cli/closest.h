#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace oko::cli {

/// The one of `names` that begins with `typed`, else one that differs in at most two letters; empty
/// if there is none. Dashes and slashes in front count as no beginning.
std::string closest(std::string_view typed, const std::vector<std::string>& names);

}  // namespace oko::cli
