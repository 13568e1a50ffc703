#include "budget/peak_sampler.h"

#include <algorithm>
#include <chrono>

#include "budget/process_memory.h"

namespace oko::budget {

PeakSampler::PeakSampler()
    : thread_([this](std::stop_token stop) {
        while (!stop.stop_requested()) {
          look();
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
      }) {}

void PeakSampler::look() {
  const std::uint64_t now = private_bytes();
  std::uint64_t peak = peak_.load();
  while (now > peak && !peak_.compare_exchange_weak(peak, now)) {
  }
}

std::uint64_t PeakSampler::peak_bytes() {
  look();
  return peak_.load();
}

}  // namespace oko::budget
