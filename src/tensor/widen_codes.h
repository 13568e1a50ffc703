#pragma once

#include <mlx/array.h>

#include <cstdint>

namespace oko::tensor {

namespace mx = mlx::core;

/// Bits of the codes that replace codes of `bits` (2 to 8) for oko's kernels: 4 or 8.
constexpr int widened_bits(int bits) {
  return bits <= 4 ? 4 : 8;
}

/// Copies codes of 2, 3, 5 or 6 bits, (out_features, in_features · bits / 32) uint32 at any
/// address, into codes of `widened_bits`: the same numbers with the same scales and biases. Runs on
/// `thread_pool()`. MLX packs the codes of a row as one stream of bits, the lowest first.
mx::array widen_codes(const mx::array& codes, std::int64_t inputs, int bits);

}  // namespace oko::tensor
