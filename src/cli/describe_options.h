#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/generation_options.h"
#include "cli/input_options.h"

namespace oko::cli {

/// The command line of `oko describe`.
struct DescribeOptions {
  CommonOptions common;
  GenerationOptions generation;
  InputOptions input;
  std::vector<std::string> images;
  std::string prompt;
  std::string prompt_file;  ///< "-": standard input; empty: none
  std::string system;
  std::optional<std::size_t> ocr_tokens;
  bool together = false;  ///< one question about all pictures
  bool lookup = false;
  bool json = false;
  bool stats = false;
};

/// Asks about every picture, or about all together; the first error decides the exit status.
void describe(DescribeOptions options);

}  // namespace oko::cli
