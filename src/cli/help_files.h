#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/man_page.h"

namespace oko::cli {

/// Writes the manual pages of the program and its commands and, in English, the completions of
/// shells below `share`, in the folders where systems look for them.
void write_help_files(const CommandSyntax& program, const std::vector<std::string>& models,
                      const ManPageInfo& info, const std::filesystem::path& share);

}  // namespace oko::cli
