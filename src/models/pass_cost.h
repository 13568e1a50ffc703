#pragma once

#include <cstdint>

#include "tensor/linear.h"

namespace oko::models {

/// The least work of a pass, to compare its time with the roofline.
struct PassCost {
  std::uint64_t weight_bytes = 0;  ///< read
  std::uint64_t multiply_adds = 0;

  /// Adds a product of `linear` with `rows` rows.
  void add(const tensor::Linear& linear, std::uint64_t rows) {
    weight_bytes += linear.nbytes();
    multiply_adds += rows * linear.multiply_adds();
  }
};

}  // namespace oko::models
