#pragma once

#include <string>

#include "base/stop_token.h"

namespace oko::cli {

/// True if a person can be asked: standard input and stderr are a terminal.
bool can_ask();

/// The answer if Enter alone is pressed.
enum class EnterMeans { kNo, kYes };

/// Asks a question on stderr and waits for the answer. True for "y", "yes", "д" and "да"; false for
/// others, and at the end of the input. Throws kCancelled.
bool ask(const std::string& question, EnterMeans enter = EnterMeans::kNo,
         const StopToken& stop = {});

}  // namespace oko::cli
