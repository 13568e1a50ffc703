#pragma once

#include <stdexcept>
#include <utility>

#include "base/localized_text.h"
#include "base/stop_token.h"

namespace oko {

/// All kinds of failure. Each has an exit status (`exit_status`) and an HTTP status
/// (`http_status`).
enum class ErrorCode {
  kFailed,         ///< the operation failed for a reason outside the input: I/O, memory, a bug
  kUsage,          ///< wrong flags, arguments or fields
  kOverBudget,     ///< does not fit the memory budget, now or ever
  kBusy,           ///< the limit of requests at once is reached: try again later
  kBadInput,       ///< the user's file is damaged
  kNotFound,       ///< the user's file is not there
  kTooLarge,       ///< the input is larger than a limit of oko or of the model
  kUnsupported,    ///< the input is of a kind that oko does not read
  kModelNotFound,  ///< the model that is named is not there
  kBadModel,       ///< the model is incomplete, corrupt, or of an unknown architecture
  kCancelled,      ///< the user asked to stop
};

/// "bad_input": the name of a code in JSON and logs.
const char* name_of(ErrorCode code);

/// Exit status of the program for `code`: 0 is never returned; see README, "Exit status".
int exit_status(ErrorCode code);

/// HTTP status (RFC 9110) for `code`; 499, as in nginx, if the client has gone.
int http_status(ErrorCode code);

/// True if only this input failed, so the next file can be read.
bool is_of_input(ErrorCode code);

/// The one exception type of oko. `message()` names the object, the numbers and the likely cause in
/// one line; `hint()` tells the user what to change and may be empty. Both keep every language
/// until a front end shows them. `what()` is the message in English, for logs.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, LocalizedText message, LocalizedText hint = {})
      : std::runtime_error(message.in(Language::kEnglish)),
        code_(code),
        message_(std::move(message)),
        hint_(std::move(hint)) {}

  ErrorCode code() const { return code_; }
  const LocalizedText& message() const { return message_; }
  const LocalizedText& hint() const { return hint_; }

 private:
  ErrorCode code_;
  LocalizedText message_, hint_;
};

/// Throws kCancelled.
[[noreturn]] void throw_cancelled();

/// Throws kCancelled if `stop` is requested.
void throw_if_stopped(const StopToken& stop);

}  // namespace oko
