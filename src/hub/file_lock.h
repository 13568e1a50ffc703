#pragma once

#include <filesystem>

#include "base/stop_token.h"

namespace oko::hub {

/// Holds a file that one process at a time can hold. The system gives it up when the process ends.
class FileLock {
 public:
  /// Makes `path` where it is not there, and waits for the process that holds it. Throws kFailed,
  /// kCancelled.
  FileLock(const std::filesystem::path& path, const StopToken& stop);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace oko::hub
