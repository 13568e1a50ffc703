#pragma once

#include <cstddef>
#include <functional>

#include "base/stop_token.h"

namespace oko::hub {

/// Runs `run(i)` for every i below `count` on all processors, in about that order. The first
/// exception ends it and is thrown here; so does a stop, as kCancelled.
void for_each_block(std::size_t count, const StopToken& stop,
                    const std::function<void(std::size_t)>& run);

}  // namespace oko::hub
