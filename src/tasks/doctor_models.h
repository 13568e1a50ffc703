#pragma once

#include "base/stop_token.h"
#include "tasks/doctor.h"

namespace oko::tasks {

/// A check for each model that oko knows by name or finds in `$OKO_HOME/models`: complete, aligned,
/// with a manifest of its hashes. Hashes nothing. Throws kCancelled.
void check_models(const StopToken& stop, const CheckSink& sink);

}  // namespace oko::tasks
