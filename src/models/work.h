#pragma once

#include <cstdint>

#include "tensor/linear.h"

namespace oko::models {

/// What a pass has to do at the least: for comparing its time with what the machine can do.
struct Work {
  std::uint64_t weight_bytes = 0;  ///< read
  std::uint64_t multiply_adds = 0;

  /// `linear` over `rows` rows.
  void add(const tensor::Linear& linear, std::uint64_t rows) {
    weight_bytes += linear.nbytes();
    multiply_adds += rows * linear.multiply_adds();
  }
};

}  // namespace oko::models
