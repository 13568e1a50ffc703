#pragma once

#include <cstddef>
#include <functional>

#include "base/stop_token.h"

namespace oko::hub {

/// Runs `run(i)` for every i below `count`, in about that order, on `threads` threads; 0: one a
/// physical core that this process may use. Rethrows the first exception; a stop throws kCancelled.
void for_each_block(std::size_t count, std::size_t threads, const StopToken& stop,
                    const std::function<void(std::size_t)>& run);

}  // namespace oko::hub
