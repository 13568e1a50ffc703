#pragma once

#include <CLI/CLI.hpp>

#include <memory>

namespace oko::cli {

/// Each command registers itself with its options; its callback runs it. Errors leave as
/// oko::Error.
void add_describe(CLI::App& app);
void add_bench(CLI::App& app);

/// Flags that every command takes.
struct CommonOptions {
  bool quiet = false;  ///< no progress and no notes on stderr
};

void add_common_options(CLI::App& command, CommonOptions& options);

}  // namespace oko::cli
