#pragma once

#include <cstddef>

namespace oko {

/// Physical cores that this process may run on, at least 1: of two hardware threads of a core one
/// counts, and a cgroup's processor quota is kept. On a Mac: the performance cores.
std::size_t physical_core_count();

}  // namespace oko
