#pragma once

#include <string>

#include "cli/commands.h"
#include "document/page_selection.h"

namespace oko::cli {

/// Options of commands that read pictures and PDF: what to take of them, and where results go.
struct InputOptions {
  std::string pages;       ///< --pages
  std::string password;    ///< --password, of PDF
  std::string output;      ///< --output, a file; empty: standard output
  std::string out_folder;  ///< --out-dir, one output per input; empty: none
};

void add_input_options(Command& command, InputOptions& options);

/// All pages without --pages. Throws kUsage.
document::PageSelection selection_of(const InputOptions& options);

/// Makes `output` empty for "-". Throws kUsage if both --output and --out-dir are given.
void settle_output(InputOptions& options);

}  // namespace oko::cli
