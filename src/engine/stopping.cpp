#include "engine/stopping.h"

#include <algorithm>
#include <utility>

namespace oko::engine {

StopStrings::StopStrings(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase(stops_, std::string());
}

std::string StopStrings::push(const std::string& text) {
  if (matched_) return {};
  held_ += text;
  std::size_t stop_at = std::string::npos;
  for (const std::string& stop : stops_) {
    const std::size_t found = held_.find(stop);
    if (found >= stop_at) continue;
    stop_at = found;
    match_ = stop;
  }
  if (stop_at != std::string::npos) {
    matched_ = true;
    std::string shown = held_.substr(0, stop_at);
    held_.clear();
    return shown;
  }
  std::size_t keep = 0;  // bytes at the end that begin a stop string
  for (const std::string& stop : stops_) {
    for (std::size_t n = std::min(stop.size() - 1, held_.size()); n > keep; --n) {
      if (held_.compare(held_.size() - n, n, stop, 0, n) == 0) keep = n;
    }
  }
  std::string shown = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return shown;
}

std::string StopStrings::flush() {
  return std::exchange(held_, {});
}

bool LoopDetector::push(std::int32_t id) {
  ids_.push_back(id);
  const std::size_t count = ids_.size();
  for (std::size_t period = 1; period <= kMaxPeriod && period < count; ++period) {
    const bool same = ids_[count - 1 - period] == id;
    run_[period] = same ? run_[period] + 1 : 0;
    // `run_` counts tokens equal to the one a period before: the first round of the loop is not
    // among them.
    const std::size_t looped = run_[period] + period;
    if (run_[period] > 0 && looped >= kMinTokens && looped >= kMinRepeats * period) return true;
  }
  return false;
}

}  // namespace oko::engine
