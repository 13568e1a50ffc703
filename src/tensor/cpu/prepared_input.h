#pragma once

#include <cstddef>
#include <vector>

namespace oko::tensor::cpu {

/// Weight rows that the product of many rows unpacks at a time: one task. A multiple of every
/// kTileRows.
inline constexpr std::size_t kBlockRows = 48;

/// A few rows of activations as the dot product with packed weights wants them.
struct PreparedInput {
  const float* rows = nullptr;  ///< (m, columns): the rows themselves
  std::vector<float> split;  ///< 4-bit: (m, columns), each group as its even, then its odd elements
  std::vector<float> group_sums;  ///< quantized: (m, columns / group_size)
};

}  // namespace oko::tensor::cpu
