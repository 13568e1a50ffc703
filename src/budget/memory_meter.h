#pragma once

#include <algorithm>
#include <cstdint>

#include "budget/peak_sampler.h"
#include "budget/process_memory.h"

namespace oko::budget {

/// Measures the memory of the process above that at the construction of the meter.
class MemoryMeter {
 public:
  /// `counted`: bytes that were taken before and belong to the measurement.
  explicit MemoryMeter(std::uint64_t counted = 0) {
    sampler_.take_peak();
    const std::uint64_t now = private_bytes();
    before_ = now - std::min(counted, now);
  }

  /// Peak bytes since the last call, above those at the start.
  std::uint64_t take_growth() {
    const std::uint64_t peak = sampler_.take_peak();
    return peak - std::min(peak, before_);
  }

  /// Peak bytes of the process since the construction.
  std::uint64_t peak_bytes() { return sampler_.peak_bytes(); }

 private:
  PeakSampler sampler_;
  std::uint64_t before_ = 0;
};

}  // namespace oko::budget
