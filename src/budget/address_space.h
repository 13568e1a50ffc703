#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/error.h"

namespace oko::budget {

/// A limit of the system on the memory that the process maps, in bytes.
struct AddressSpace {
  std::uint64_t limit = 0;
  std::uint64_t used = 0;    ///< now
  const char* setting = "";  ///< of the shell, such as "ulimit -v"

  std::uint64_t left() const { return limit > used ? limit - used : 0; }
};

/// The limit that leaves the least: RLIMIT_AS or RLIMIT_DATA. Nothing if there is none, and on
/// macOS, which enforces neither.
std::optional<AddressSpace> address_space();

/// The part of `left` bytes of address space that remains for memory, after the stacks of the
/// threads and libraries that are loaded later.
std::uint64_t memory_within(std::uint64_t left, std::size_t threads);

/// The error (kOverBudget) for memory or a thread that the system has refused, with the numbers of
/// this process and of its limit.
Error refused_by_system();

}  // namespace oko::budget
