#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace oko::tensor::cpu {

struct Largest {
  std::size_t index = 0;  ///< the first of equals
  float value = 0.0f;
  bool has_nan = false;  ///< among all of x; index and value then mean nothing
};

/// The largest of `count` numbers, at least one, in one pass on the calling thread.
Largest largest_of(const float* x, std::size_t count);

/// The indices of the k largest of `count` numbers, none of them NaN, the largest first, equals by
/// their index. k is at most `count`. One pass over x: most vectors hold nothing above the k-th
/// largest so far.
std::vector<std::uint32_t> largest_k(const float* x, std::size_t count, std::size_t k);

}  // namespace oko::tensor::cpu
