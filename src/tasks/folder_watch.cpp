#include "tasks/folder_watch.h"

#include <algorithm>

namespace oko::tasks {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

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
