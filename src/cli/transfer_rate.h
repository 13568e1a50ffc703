#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include "base/localized_text.h"

namespace oko::cli {

/// The speed of a transfer over its last seconds.
class TransferRate {
 public:
  using Clock = std::chrono::steady_clock;

  /// `done`: bytes so far, with those of an earlier process.
  void add(Clock::time_point time, std::uint64_t done);

  /// Bytes per second; 0: not known yet.
  double bytes_per_second() const;

  /// "1.2 GB of 3.1 GB, 45 MB/s, 42 s left"; omits values that are not known yet.
  LocalizedText text(std::uint64_t total) const;

 private:
  struct Sample {
    Clock::time_point time;
    std::uint64_t done = 0;
  };
  std::deque<Sample> samples_;
};

}  // namespace oko::cli
