#include "budget/peak_sampler.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "budget/process_memory.h"

namespace oko::budget {

PeakSampler::PeakSampler()
    : thread_([this](const StopToken& stop) {
        while (!stop.stop_requested()) {
          look();
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
      }) {}

namespace {

void raise(std::atomic<std::uint64_t>& peak, std::uint64_t bytes) {
  std::uint64_t before = peak.load();
  while (bytes > before && !peak.compare_exchange_weak(before, bytes)) {
  }
}

}  // namespace

void PeakSampler::look() {
  const std::uint64_t now = private_bytes();
  raise(peak_, now);
  raise(recent_, now);
}

std::uint64_t PeakSampler::take_peak() {
  look();
  return recent_.exchange(0);
}

std::uint64_t PeakSampler::peak_bytes() {
  look();
  return peak_.load();
}

}  // namespace oko::budget
