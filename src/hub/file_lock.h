#pragma once

#include <filesystem>
#include <memory>

#include "base/stop_token.h"

namespace oko::hub {

/// Holds a file that one process at a time can hold. The system gives it up when the process ends.
class FileLock {
 public:
  /// Makes `path` if it does not exist, and waits for the process that holds it. Throws kFailed,
  /// kCancelled.
  FileLock(const std::filesystem::path& path, const StopToken& stop);
  ~FileLock();
  /// Null if the file is not there, or another process holds it.
  static std::unique_ptr<FileLock> try_lock(const std::filesystem::path& path);

  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int file) : file_(file) {}

  int file_ = -1;
};

}  // namespace oko::hub
