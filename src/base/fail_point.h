#pragma once

#include <cstdint>

namespace oko {

#ifdef OKO_FAIL_POINTS

/// Where tests make allocations fail, to see that a request fails cleanly and the next one works.
/// Builds of releases have none of it.
class FailPoint {
 public:
  /// The `nth` allocation from now on fails, once; 0: none.
  static void arm(std::uint64_t nth);
  /// Allocations since `arm`.
  static std::uint64_t count();
  /// Throws kFailed if it is time.
  static void allocation();
};

#else

class FailPoint {
 public:
  static void allocation() {}
};

#endif

}  // namespace oko
