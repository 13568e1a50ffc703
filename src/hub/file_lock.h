#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "base/stop_token.h"

namespace oko::hub {

/// A lock on a file, held by one process at a time. The system releases it when the process ends.
class FileLock {
 public:
  /// Makes `path` if it does not exist, and waits until no other process holds it; calls `on_wait`,
  /// unless empty, before it waits. Throws kFailed, kCancelled.
  FileLock(const std::filesystem::path& path, const StopToken& stop,
           const std::function<void()>& on_wait = {});
  ~FileLock();
  /// Null if the file does not exist, or another process holds it.
  static std::unique_ptr<FileLock> try_lock(const std::filesystem::path& path);
  /// Makes `path` if it does not exist. Null if another process holds it. Throws kFailed.
  static std::unique_ptr<FileLock> make_or_try(const std::filesystem::path& path);

  /// Removes the file. Others may hold the lock at once, with a new file: release this one then.
  void remove();
  /// True: the file goes with the lock if the lock has made it. False, as at first: it stays.
  void set_temporary(bool is_temporary) { is_temporary_ = is_temporary; }

  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  FileLock(std::filesystem::path path, int file) : path_(std::move(path)), file_(file) {}

  /// Returns false, with the lock not held, if another process holds it. Throws kFailed.
  bool acquire();

  std::filesystem::path path_;
  int file_ = -1;
  bool has_made_file_ = false;
  bool is_temporary_ = false;
};

}  // namespace oko::hub
