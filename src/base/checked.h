#pragma once

#include <concepts>
#include <optional>

namespace oko {

/// `a * b`, or nothing if the product does not fit.
template <std::unsigned_integral T>
std::optional<T> checked_mul(T a, T b) {
  T product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

}  // namespace oko
