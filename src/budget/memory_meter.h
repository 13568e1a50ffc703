#pragma once

#include <algorithm>
#include <cstdint>

#include "budget/peak_sampler.h"
#include "budget/process_memory.h"

namespace oko::budget {

/// Measures what the process takes above the memory that it has when this is made.
class MemoryMeter {
 public:
  /// `counted`: bytes that were taken before and belong to what is measured.
  explicit MemoryMeter(std::uint64_t counted = 0) {
    sampler_.take_peak();
    const std::uint64_t now = private_bytes();
    before_ = now - std::min(counted, now);
  }

  /// Bytes at most since the last call, above those at the start.
  std::uint64_t take_growth() {
    const std::uint64_t peak = sampler_.take_peak();
    return peak - std::min(peak, before_);
  }

  /// Of the process, since this was made.
  std::uint64_t peak_bytes() { return sampler_.peak_bytes(); }

 private:
  PeakSampler sampler_;
  std::uint64_t before_ = 0;
};

}  // namespace oko::budget
