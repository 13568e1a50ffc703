#pragma once

#include <atomic>
#include <cstdint>

#include "base/stop_token.h"

namespace oko::budget {

/// The largest `private_bytes()` while this object lives, sampled every 5 ms.
class PeakSampler {
 public:
  PeakSampler();
  std::uint64_t peak_bytes();  ///< so far, now included
  /// The same for the time since the last call.
  std::uint64_t take_peak();

 private:
  void look();  ///< any thread

  std::atomic<std::uint64_t> peak_{0};    ///< since the start
  std::atomic<std::uint64_t> recent_{0};  ///< since `take_peak`
  JoiningThread thread_;                  // last: it stops before the other members are destroyed
};

}  // namespace oko::budget
