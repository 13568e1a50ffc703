#pragma once

#include <string>

namespace oko::cli {

/// True if a person can be asked: standard input and stderr are a terminal.
bool can_ask();

/// Asks a question on stderr and waits for the answer. True for "y", "yes", "д" and "да"; false for
/// others, and at the end of the input.
bool ask(const std::string& question);

}  // namespace oko::cli
