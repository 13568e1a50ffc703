#pragma once

#include <string>

#include "cli/syntax.h"

namespace oko::cli {

/// What a manual page says besides the help.
struct ManPageInfo {
  std::string version;  ///< "oko 0.1.0"
  std::string date;     ///< "2026-11-29"
};

/// The manual page (man(7), UTF-8) of `program` or of one of its commands, which has sections for
/// its own commands, in the user's language.
std::string man_page(const CommandSyntax& program, const CommandSyntax& command,
                     const ManPageInfo& info);

/// "oko-bench" of "oko bench".
std::string man_page_name(const CommandSyntax& command);

}  // namespace oko::cli
