#pragma once

#include <string>
#include <vector>

#include "cli/syntax.h"

namespace oko::cli {

/// Scripts that complete commands, options, their choices, files and models in a shell. `models`:
/// the names of models that are completed besides those in $OKO_HOME/models.
std::string bash_completion(const CommandSyntax& program, const std::vector<std::string>& models);
std::string zsh_completion(const CommandSyntax& program, const std::vector<std::string>& models);
std::string fish_completion(const CommandSyntax& program, const std::vector<std::string>& models);

}  // namespace oko::cli
