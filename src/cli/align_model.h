#pragma once

#include <cstdint>
#include <filesystem>

#include "base/stop_token.h"
#include "cli/commands.h"

namespace oko::cli {

/// Makes the weights of a model usable where they are mapped: its first use writes an aligned copy
/// if it needs one (hub::align_weights), with a note on stderr. If no copy can be made, prints the
/// reason and the consequence, and returns. Throws kBadModel, kCancelled.
void align_model(const std::filesystem::path& model, const CommonOptions& options,
                 const StopToken& stop);

/// For --stats: prints a line on stderr if weights are private memory instead of mapped.
void print_copied_weights(std::uint64_t bytes);

}  // namespace oko::cli
