#pragma once

#include <memory>

#include "base/stop_token.h"
#include "base/temporary_file.h"

namespace oko::cli {

/// Waits until `read` of `file` would not block, because a signal does not end it. Throws
/// kCancelled.
void wait_for_input(int file, const StopToken& stop);

/// The longest standard input that is kept, in bytes.
inline constexpr std::uint64_t kMaxStandardInput = 1'000'000'000;

/// All of standard input in a temporary file. Throws kFailed, kTooLarge if it is longer than
/// kMaxStandardInput, kCancelled.
std::unique_ptr<TemporaryFile> keep_standard_input(const StopToken& stop);

}  // namespace oko::cli
