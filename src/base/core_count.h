#pragma once

#include <cstddef>

namespace oko {

/// Physical cores that this process may run on, at least 1, limited by a cgroup's processor quota.
/// On a Mac: the performance cores.
std::size_t physical_core_count();

}  // namespace oko
