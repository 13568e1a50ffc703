#pragma once

namespace oko {

/// Waits until the data written to an open file survive a power cut. Returns false with `errno` set
/// if the system cannot.
bool sync_to_disk(int file);

}  // namespace oko
