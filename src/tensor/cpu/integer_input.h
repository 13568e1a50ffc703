#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace oko::tensor::cpu {

/// Rows of activations as 16-bit whole numbers: in every group of columns x = scale · q, with one
/// scale a group, |x - scale · q| <= max |x of the group| / 65,534.
struct IntegerInput {
  std::size_t columns = 0;      ///< of q: padded with zeros
  std::size_t groups = 0;       ///< of the unpadded columns
  std::vector<std::int16_t> q;  ///< (m, columns)
  std::vector<float> scales;    ///< (m, groups)
  std::vector<float> sums;      ///< (m, groups), of x itself: what a group's bias multiplies
};

}  // namespace oko::tensor::cpu
