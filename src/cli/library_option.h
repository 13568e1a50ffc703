#pragma once

#include <filesystem>
#include <string>

#include "cli/command_line.h"

namespace oko::cli {

/// Adds --library.
void add_library_option(Command& command, std::string& library);

/// The file of --library, or without it `$OKO_HOME/library.db`. Throws kUsage for a
/// folder.
std::filesystem::path library_path(const std::string& library);

}  // namespace oko::cli
