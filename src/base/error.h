#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "base/stop_token.h"

namespace oko {

/// The closed list of ways in which oko fails. Each has one exit status (`exit_status`).
enum class ErrorCode {
  kFailed,      ///< the operation failed for a reason outside the input: I/O, memory, a bug of ours
  kUsage,       ///< wrong flags or arguments
  kOverBudget,  ///< would not fit the memory budget
  kBadInput,    ///< the user's file is missing, damaged, too large, or of an unknown kind
  kBadModel,    ///< the model is missing, incomplete, corrupt, or of an unknown architecture
  kCancelled,   ///< the user asked to stop
};

/// Exit status of the program for `code`: 0 is never returned; see README, "Exit status".
int exit_status(ErrorCode code);

/// The one exception type of oko. `what()` names the object, the numbers and the likely cause in
/// one line; `hint()` says what to change and may be empty. Both are in the user's language (`tr`).
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

  ErrorCode code() const { return code_; }
  const std::string& hint() const { return hint_; }

 private:
  ErrorCode code_;
  std::string hint_;
};

/// Throws kCancelled.
[[noreturn]] void throw_cancelled();

/// The same where `stop` is requested.
void throw_if_stopped(const StopToken& stop);

}  // namespace oko
