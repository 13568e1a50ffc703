#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/localized_text.h"
#include "base/stop_token.h"

namespace oko::tasks {

/// Tells that files in folders have changed. One thread uses it.
class FolderWatch {
 public:
  virtual ~FolderWatch() = default;

  /// Watches the files in a folder, without those in folders below. Call it before the folder is
  /// listed, so that no change is missed; again is harmless. Throws kFailed.
  virtual void add(const std::string& folder) = 0;

  /// Waits until something has changed since the last call, at most `timeout`, or until `stop` is
  /// requested. Returns true for a change. It may report more changes than there were, but misses
  /// none.
  virtual bool wait(std::chrono::milliseconds timeout, const StopToken& stop) = 0;

  /// Why changes of some folders are not told: they must be looked at now and then; empty: all are.
  virtual LocalizedText shortage() const = 0;
};

/// False for a path whose changes do not count.
using Matters = std::function<bool(const std::string& path)>;

/// True for changes of files that a walk may take, and of .okoignore; false for the files of the
/// library itself (`library`, an absolute path; empty: it is no file), and for sidecars. `hidden`:
/// files whose names begin with a point, too.
bool may_be_document(const std::string& path, const std::string& library, bool hidden);

/// Throws kFailed.
std::unique_ptr<FolderWatch> make_folder_watch(const Matters& matters);

struct WatchTimes {
  /// Without changes, before files are read: somebody may still be writing.
  std::chrono::milliseconds quiet{2'000};
  std::chrono::milliseconds longest_quiet{30'000};  ///< of waiting for that
  /// Between two looks at what is not told.
  std::chrono::milliseconds look{30'000};
};

/// Calls `pass`, and again after changes, until `stop` is requested. `pass` returns false if there
/// is something that the watch will not tell of. Throws what it throws, and as FolderWatch.
void watch_folders(FolderWatch& watch, const std::function<bool()>& pass, const WatchTimes& times,
                   const StopToken& stop);

}  // namespace oko::tasks
