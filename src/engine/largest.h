#pragma once

#include <concepts>

namespace oko::engine {

/// The largest number in low..high for which `fits` holds, if it holds for all smaller ones; 0 if
/// not even the lowest fits.
template <std::integral Number, typename Fits>
Number largest(Number low, Number high, Fits fits) {
  if (!fits(low)) return 0;
  while (low < high) {
    const Number middle = low + (high - low + 1) / 2;
    if (fits(middle)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace oko::engine
