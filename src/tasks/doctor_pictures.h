#pragma once

#include "tasks/self_test.h"

namespace oko::tasks {

/// The checks of the self-test that ask a model about pictures. Throws kCancelled.
void check_pictures(const SelfTestOptions& options, const CheckSink& sink);

}  // namespace oko::tasks
