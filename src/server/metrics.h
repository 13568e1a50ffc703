#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.h"

namespace oko::server {

/// Counts of a server since it began. Any thread may call.
class Metrics {
 public:
  /// `route`: of the table of what is served, or "other", so that clients cannot make new ones.
  void count_answer(std::string_view route, int status, std::chrono::nanoseconds time);

  /// What was counted, as Prometheus reads it (its "Text-based exposition format", 0.0.4).
  std::string text() const;

 private:
  /// Upper bounds in seconds.
  static constexpr std::array<double, 12> kBounds{0.005, 0.02, 0.1, 0.5, 1,   2,
                                                  5,     10,   30,  60,  120, 600};
  struct Durations {
    std::array<std::uint64_t, kBounds.size()> counts{};  ///< up to each bound, not above
    std::uint64_t count = 0;
    double seconds = 0;
  };

  mutable Mutex mutex_;
  std::map<std::pair<std::string, int>, std::uint64_t> answers_ OKO_GUARDED_BY(mutex_);
  std::map<std::string, Durations, std::less<>> durations_ OKO_GUARDED_BY(mutex_);
};

/// Adds a metric of one value. `kind`: "counter" or "gauge".
void add_metric(std::string& text, std::string_view name, std::string_view kind,
                std::string_view help, double value);

}  // namespace oko::server
