#pragma once

#include <filesystem>
#include <string>

#include "base/stop_token.h"
#include "cli/commands.h"

namespace oko::cli {

/// The folder of the model that the user names, as hub::find_model. On a terminal it offers to pull
/// a missing model and does so; not with --quiet or HF_HUB_OFFLINE. Throws as hub::find_model, with
/// a hint that names the nearest folder or the command that pulls the model, and as `pull_model`.
std::filesystem::path find_or_pull_model(const std::string& name, const CommonOptions& options,
                                         const StopToken& stop);

}  // namespace oko::cli
