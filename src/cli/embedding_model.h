#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/stop_token.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "engine/embedder.h"
#include "tasks/library_model.h"

namespace oko::cli {

/// Adds --query-prefix and --passage-prefix.
void add_prefix_options(Command& command, tasks::Prefixes& prefixes);

/// An embedder of a model's folder under the budget of the command, or with the models of `host`.
/// Misaligned weights are aligned at its first use. `options` must outlive it.
std::unique_ptr<engine::Embedder> make_embedder(const std::filesystem::path& folder,
                                                const CommonOptions& options, std::size_t threads,
                                                const StopToken& stop);
std::unique_ptr<engine::Embedder> make_embedder(const std::filesystem::path& folder,
                                                const CommonOptions& options,
                                                std::shared_ptr<engine::ModelHost> host,
                                                const StopToken& stop);

}  // namespace oko::cli
