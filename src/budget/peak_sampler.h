#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace oko::budget {

/// The largest `private_bytes()` while this object lives, looked at every 5 ms.
class PeakSampler {
 public:
  PeakSampler();
  std::uint64_t peak_bytes();  ///< so far, now included

 private:
  void look();

  std::atomic<std::uint64_t> peak_{0};
  std::jthread thread_;  // last: it stops before the rest is gone
};

}  // namespace oko::budget
