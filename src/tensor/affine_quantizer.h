#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "checkpoint/safetensors.h"
#include "tensor/quantization.h"

namespace oko::tensor {

/// Rows of a matrix in MLX's affine format, as in a checkpoint.
struct QuantizedRows {
  std::vector<std::uint32_t> codes;   ///< (rows, columns * bits / 32), the first code lowest
  std::vector<std::uint16_t> scales;  ///< (rows, columns / group_size), in `dtype`
  std::vector<std::uint16_t> biases;  ///< as scales
  double squared_error = 0;           ///< sum over all elements of (stored - given)²
  double squared_values = 0;          ///< sum of given²
};

/// Quantizes rows whose length is a multiple of the group size. Zero and the number farthest from
/// it are exact in each group, as far as `dtype` (kFloat16, kBfloat16) of scales and biases allows:
/// codes are chosen for the stored scales and biases. Reference: MLX, mx.quantize in mode "affine".
/// Numbers must be finite and within the range of `dtype`.
QuantizedRows quantize_rows(std::span<const float> values, const Quantization& quantization,
                            checkpoint::Dtype dtype);

/// f32 as the bits of a 16-bit float, rounded to nearest, ties to even.
std::uint16_t to_half_bits(float value, checkpoint::Dtype dtype);
/// A 16-bit float as f32.
float from_half_bits(std::uint16_t bits, checkpoint::Dtype dtype);

}  // namespace oko::tensor
