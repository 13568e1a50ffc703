#pragma once

#include <string>
#include <vector>

namespace oko::tensor {

/// The difference of a product from the same product in plain f64.
struct MatmulDifference {
  std::string kernel;     ///< "bfloat16"; "q4_int16": 4-bit weights
  double difference = 0;  ///< largest, relative to the largest element; infinite if not a number
  double tolerance = 0;   ///< of a right kernel

  bool is_right() const { return difference <= tolerance; }
};

/// Multiplies 64 rows, for which devices have other kernels than for one, by small matrices: on the
/// process's device. Metal's matmuls of more than 8 rows were wrong in some releases.
std::vector<MatmulDifference> check_matmuls();

}  // namespace oko::tensor
