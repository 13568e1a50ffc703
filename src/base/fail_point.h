#pragma once

#include <cstdint>

namespace oko {

#ifdef OKO_FAIL_POINTS

/// A place where tests make an allocation fail, to check that a request fails cleanly and the next
/// one works. Release builds have none.
class FailPoint {
 public:
  /// Makes the `nth` allocation from now on fail, once; 0: none.
  static void arm(std::uint64_t nth);
  /// Allocations since `arm`.
  static std::uint64_t count();
  /// Throws kFailed at the `nth` call since `arm`.
  static void allocation();
};

#else

class FailPoint {
 public:
  static void allocation() {}
};

#endif

}  // namespace oko
