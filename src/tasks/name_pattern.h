#pragma once

#include <string_view>

namespace oko::tasks {

/// True if a pattern of a shell matches a whole name, which has no "/": "*" any text, "?" one
/// character, "[a-zё]" one of those, "[!ab]" and "[^ab]" one of the others, "\\" takes the next one
/// as it is. A "[" that none closes matches nothing, as in git. Characters are those of UTF-8, each
/// other byte is one. Time: O(name * pattern).
bool matches_name(std::string_view pattern, std::string_view name);

}  // namespace oko::tasks
