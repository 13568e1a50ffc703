#pragma once

#include <cstdint>

namespace oko {

/// Waits until the data written to an open file survive a power cut. Returns false with `errno` set
/// if the system cannot.
bool sync_to_disk(int file);

/// Lets the system begin to write `size` bytes from `offset` to the disk; does not wait for them. A
/// hint, which a Mac does not take.
void start_writing_back(int file, std::uint64_t offset, std::uint64_t size);

}  // namespace oko
