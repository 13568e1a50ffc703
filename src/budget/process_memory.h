#pragma once

#include <cstdint>

namespace oko::budget {

/// Memory of this process that costs the machine: private pages, not pages of mapped files, which
/// the system can drop and read again. Linux: RssAnon; macOS: phys_footprint. 0 if it cannot be
/// read.
std::uint64_t private_bytes();

}  // namespace oko::budget
