#include "tasks/folder_watch.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "tasks/file_walk.h"

namespace oko::tasks {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// Its file, or one beside it: "FILE-wal", "FILE-lock", "FILE-vectors-1".
bool is_of_library(const fs::path& path, const fs::path& library) {
  const std::string name = path.filename().string(), own = library.filename().string();
  if (own.empty() || !name.starts_with(own)) return false;
  if (name.size() > own.size() && name[own.size()] != '-') return false;
  // A system may tell of it by another path than the user's, such as one without links.
  std::error_code error;
  return path.parent_path() == library.parent_path() ||
         fs::equivalent(path.parent_path(), library.parent_path(), error);
}

}  // namespace

bool may_be_document(const std::string& path, const std::string& library, bool hidden) {
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  if (name == kIgnoreFile) return true;
  return !is_of_library(path, library) && !name.ends_with(".xmp") &&
         (hidden || !name.starts_with('.'));
}

void watch_folders(FolderWatch& watch, const std::function<bool()>& pass, const WatchTimes& times,
                   const StopToken& stop) {
  constexpr milliseconds kDay = std::chrono::hours(24);
  while (!stop.stop_requested()) {
    const bool is_complete = pass() && watch.shortage().empty();
    while (!watch.wait(is_complete ? kDay : times.look, stop)) {
      if (stop.stop_requested()) return;
      if (!is_complete) break;
    }
    const auto latest = steady_clock::now() + times.longest_quiet;
    while (!stop.stop_requested() && steady_clock::now() < latest &&
           watch.wait(times.quiet, stop)) {
    }
  }
}

}  // namespace oko::tasks
