#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace oko::tensor::cpu {

enum class ElementType { kFloat32, kFloat16, kBfloat16 };

/// The weight of a linear layer as it lies in memory: `rows` outputs × `columns` inputs, row-major,
/// no alignment asked. Either dense, or MLX's affine quantization: `bits` (4 or 8) of code an
/// element, packed from the low bits of 32-bit words; value = scale * code + bias with one scale
/// and bias a group of `group_size` columns.
struct WeightMatrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  const void* data = nullptr;
  ElementType type =
      ElementType::kFloat32;     ///< of `data` when dense, of scales and biases when quantized
  int bits = 0;                  ///< 0: dense
  std::size_t group_size = 0;    ///< 32, 64 or 128; divides `columns`
  const void* scales = nullptr;  ///< (rows, columns / group_size)
  const void* biases = nullptr;  ///< as scales
};

enum class Activation {
  kNone,
  kGelu,      ///< with erf
  kGeluTanh,  ///< its tanh approximation
};

/// One of the products that share an x: y = activation(x · wᵀ + bias) + residual.
struct GemmTask {
  WeightMatrix weight;
  const float* bias = nullptr;  ///< (rows), or null
  float* y = nullptr;           ///< (m, rows)
  Activation activation = Activation::kNone;
  const float* residual = nullptr;  ///< (m, rows), or null
};

/// Of at most this many rows of x, each result has the bits of its row alone; with
/// Precision::kInt8Activations this holds for any number of rows.
inline constexpr std::size_t kMaxGemvRows = 8;

/// Precision of the activations in a matmul.
enum class Precision {
  kFloat32,  ///< weights become f32: the reference that everything else is measured against
  kInt16Activations,  ///< W4A16 and W8A16: several times faster, see `integer_matmul`
  /// W8A8 if the processor has instructions for it, otherwise as kInt16Activations. For encoders,
  /// which read many rows at a time and of whose answer only the direction matters.
  kInt8Activations,
};

/// y = x · wᵀ + bias, accumulated in f32. x: (m, columns), y: (m, rows), both row-major f32;
/// bias: (rows) f32 or null. A few rows of x read the weight once, straight from memory; more
/// rows unpack it a block at a time and reuse the block. Runs on `thread_pool()`.
void matmul(const float* x, std::size_t m, const WeightMatrix& weight, const float* bias, float* y,
            Precision precision);

/// Several products of one x: prepared once, and their weights read as if they were one.
void matmul(const float* x, std::size_t m, std::span<const GemmTask> products, Precision precision);

}  // namespace oko::tensor::cpu
