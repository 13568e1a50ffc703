#include "base/error.h"

namespace oko {

const char* name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kFailed:
      return "failed";
    case ErrorCode::kUsage:
      return "usage";
    case ErrorCode::kOverBudget:
      return "over_budget";
    case ErrorCode::kBusy:
      return "busy";
    case ErrorCode::kBadInput:
      return "bad_input";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kTooLarge:
      return "too_large";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kModelNotFound:
      return "model_not_found";
    case ErrorCode::kBadModel:
      return "bad_model";
    case ErrorCode::kCancelled:
      return "cancelled";
  }
  return "failed";
}

int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kFailed:
    case ErrorCode::kBusy:
      return 1;
    case ErrorCode::kUsage:
      return 2;
    case ErrorCode::kOverBudget:
      return 3;
    case ErrorCode::kBadInput:
    case ErrorCode::kNotFound:
    case ErrorCode::kTooLarge:
    case ErrorCode::kUnsupported:
      return 4;
    case ErrorCode::kModelNotFound:
    case ErrorCode::kBadModel:
      return 5;
    case ErrorCode::kCancelled:
      return 130;  // as a shell reports SIGINT
  }
  return 1;
}

int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kFailed:
    case ErrorCode::kBadModel:
      return 500;
    case ErrorCode::kUsage:
    case ErrorCode::kBadInput:
      return 400;
    case ErrorCode::kNotFound:
    case ErrorCode::kModelNotFound:
      return 404;
    case ErrorCode::kOverBudget:
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kUnsupported:
      return 415;
    case ErrorCode::kBusy:
      return 503;
    case ErrorCode::kCancelled:
      return 499;
  }
  return 500;
}

bool is_of_input(ErrorCode code) {
  return code == ErrorCode::kBadInput || code == ErrorCode::kNotFound ||
         code == ErrorCode::kTooLarge || code == ErrorCode::kUnsupported;
}

void throw_cancelled() {
  throw Error(ErrorCode::kCancelled, tr("stopped", "остановлено"));
}

void throw_if_stopped(const StopToken& stop) {
  if (stop.stop_requested()) throw_cancelled();
}

}  // namespace oko
