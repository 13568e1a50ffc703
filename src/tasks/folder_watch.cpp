#include "tasks/folder_watch.h"

#include <algorithm>
#include <string_view>

#include "tasks/file_walk.h"

namespace oko::tasks {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

bool may_be_document(const std::string& path, const std::string& library, bool hidden) {
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  if (name == kIgnoreFile) return true;
  // Beside "FILE" there are "FILE-wal", "FILE-lock", "FILE-vectors-1".
  const bool is_of_library =
      !library.empty() && path.starts_with(library) &&
      (path.size() == library.size() ||
       (path[library.size()] == '-' && path.find('/', library.size()) == std::string::npos));
  return !is_of_library && !name.ends_with(".xmp") && (hidden || !name.starts_with('.'));
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
