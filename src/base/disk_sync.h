#pragma once

namespace oko {

/// Waits until what was written to an open file survives a power cut. False with `errno` set where
/// the system cannot.
bool sync_to_disk(int file);

}  // namespace oko
