#include "base/error.h"

#include "base/language.h"

namespace oko {

int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kFailed:
      return 1;
    case ErrorCode::kUsage:
      return 2;
    case ErrorCode::kOverBudget:
      return 3;
    case ErrorCode::kBadInput:
      return 4;
    case ErrorCode::kBadModel:
      return 5;
    case ErrorCode::kCancelled:
      return 130;  // as a shell reports SIGINT
  }
  return 1;
}

void throw_cancelled() {
  throw Error(ErrorCode::kCancelled, tr("stopped", "остановлено"));
}

void throw_if_stopped(const StopToken& stop) {
  if (stop.stop_requested()) throw_cancelled();
}

}  // namespace oko
