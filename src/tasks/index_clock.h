#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "tasks/index_plan.h"
#include "tasks/read_documents.h"
#include "tasks/time_left.h"

namespace oko::tasks {

/// Measures the thread that reads and the one that embeds, without what they wait for each other,
/// to tell the time left of a run.
class IndexClock {
 public:
  /// `plan` must outlive it.
  explicit IndexClock(const IndexPlan& plan);

  /// On the thread that reads: it goes on, and what it has read since.
  void begin_to_read();
  void read_page(const std::string& path, std::size_t pages, std::size_t passages);
  void read_file(const ReadDocument& read);

  /// On the thread that writes.
  void begin_to_write();
  void wrote(std::size_t passages);

  std::optional<double> seconds_left();

 private:
  using Time = std::chrono::steady_clock::time_point;

  std::size_t number_of(const std::string& path) const;

  const IndexPlan& plan_;
  const Time start_;
  Mutex mutex_;
  TimeLeft left_ OKO_GUARDED_BY(mutex_);
  Time reads_since_ OKO_GUARDED_BY(mutex_);
  Time writes_since_ OKO_GUARDED_BY(mutex_);
};

}  // namespace oko::tasks
