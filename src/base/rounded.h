#pragma once

#include <cmath>

namespace oko {

/// `value` with `digits` behind the point, as JSON shows shares and coordinates.
inline double rounded(double value, int digits) {
  const double scale = std::pow(10.0, digits);
  return std::round(value * scale) / scale;
}

}  // namespace oko
