#include "tensor/matmul_check.h"

#include <mlx/ops.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

#include "checkpoint/safetensors.h"
#include "tensor/affine_quantizer.h"
#include "tensor/cpu/matmul.h"
#include "tensor/device.h"

namespace oko::tensor {

namespace mx = mlx::core;

namespace {

constexpr std::size_t kRows = 64, kOutputs = 256, kInputs = 512;
constexpr Quantization kQuantization{.bits = 4, .group_size = 64};
constexpr auto kBfloat16 = checkpoint::Dtype::kBfloat16;

/// Repeatable numbers in -1..1 that bfloat16 has, so that no device rounds them.
std::vector<float> some_numbers(std::size_t count, std::uint32_t seed) {
  std::vector<float> numbers(count);
  for (float& number : numbers) {
    seed = seed * 1664525 + 1013904223;  // Numerical Recipes
    const float random = static_cast<float>(static_cast<std::int32_t>(seed)) * 0x1p-31f;
    number = from_half_bits(to_half_bits(random, kBfloat16), kBfloat16);
  }
  return numbers;
}

/// The weights as the codes say.
std::vector<float> dequantized(const QuantizedRows& rows) {
  const auto bits = static_cast<std::size_t>(kQuantization.bits);
  const auto group = static_cast<std::size_t>(kQuantization.group_size);
  std::vector<float> values(kOutputs * kInputs);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t code = rows.codes[i * bits / 32] >> (i * bits % 32) & 15;
    values[i] = from_half_bits(rows.scales[i / group], kBfloat16) * static_cast<float>(code) +
                from_half_bits(rows.biases[i / group], kBfloat16);
  }
  return values;
}

struct Problem {
  std::vector<float> x = some_numbers(kRows * kInputs, 1);
  std::vector<float> dense = some_numbers(kOutputs * kInputs, 2);
  QuantizedRows quantized = quantize_rows(dense, kQuantization, kBfloat16);
};

/// x · wᵀ in f64.
std::vector<double> plain_product(const std::vector<float>& x, const std::vector<float>& weight) {
  std::vector<double> y(kRows * kOutputs);
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t output = 0; output < kOutputs; ++output) {
      double sum = 0;
      for (std::size_t i = 0; i < kInputs; ++i) {
        sum += double{x[row * kInputs + i]} * weight[output * kInputs + i];
      }
      y[row * kOutputs + output] = sum;
    }
  }
  return y;
}

double difference(const float* y, const std::vector<double>& expected) {
  double most = 0, largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!std::isfinite(y[i])) return std::numeric_limits<double>::infinity();
    most = std::max(most, std::abs(y[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return most / largest;
}

std::vector<MatmulDifference> check_cpu(const Problem& problem, const std::vector<double>& dense,
                                        const std::vector<double>& quantized) {
  const cpu::WeightMatrix floats{
      .rows = kOutputs, .columns = kInputs, .data = problem.dense.data()};
  const cpu::WeightMatrix codes{.rows = kOutputs,
                                .columns = kInputs,
                                .data = problem.quantized.codes.data(),
                                .type = cpu::ElementType::kBfloat16,
                                .bits = kQuantization.bits,
                                .group_size = static_cast<std::size_t>(kQuantization.group_size),
                                .scales = problem.quantized.scales.data(),
                                .biases = problem.quantized.biases.data()};
  std::vector<float> y(kRows * kOutputs);
  const auto run = [&](const cpu::WeightMatrix& weight, cpu::Precision precision,
                       const std::vector<double>& expected) {
    cpu::matmul(problem.x.data(), kRows, weight, nullptr, y.data(), precision);
    return difference(y.data(), expected);
  };
  using enum cpu::Precision;
  return {{"f32", run(floats, kFloat32, dense), 1e-5},
          {"q4_f32", run(codes, kFloat32, quantized), 1e-5},
          {"q4_int16", run(codes, kInt16Activations, quantized), 1e-3},
          {"q4_int8", run(codes, kInt8Activations, quantized), 3e-2}};
}

template <typename T>
mx::array matrix(const std::vector<T>& values, std::size_t rows, mx::Dtype dtype) {
  const mx::Shape shape{static_cast<int>(rows), static_cast<int>(values.size() / rows)};
  return mx::array(values.data(), shape, dtype);
}

/// 16-bit numbers, whose bits are bfloat16's.
mx::array bfloat16_matrix(const std::vector<std::uint16_t>& bits, std::size_t rows) {
  return mx::view(matrix(bits, rows, mx::uint16), mx::bfloat16);
}

std::vector<MatmulDifference> check_graph(const Problem& problem, const std::vector<double>& dense,
                                          const std::vector<double>& quantized) {
  const mx::array x = matrix(problem.x, kRows, mx::float32);
  const mx::array weight = matrix(problem.dense, kOutputs, mx::float32);
  const auto measure = [](mx::array y, const std::vector<double>& expected) {
    y = mx::contiguous(mx::astype(y, mx::float32));
    y.eval();
    return difference(y.data<float>(), expected);
  };
  // A GPU may multiply f32 in TF32, with 10 bits after the point. MLX's CPU device sums quantized
  // products in bfloat16.
  std::vector<MatmulDifference> all;
  for (const auto& [name, dtype, tolerance] : {std::tuple{"f32", mx::float32, 5e-3},
                                               {"float16", mx::float16, 5e-3},
                                               {"bfloat16", mx::bfloat16, 2e-2}}) {
    const mx::array y = mx::matmul(mx::astype(x, dtype), mx::transpose(mx::astype(weight, dtype)));
    all.push_back({name, measure(y, dense), tolerance});
  }
  const mx::array codes = matrix(problem.quantized.codes, kOutputs, mx::uint32);
  const mx::array y = mx::quantized_matmul(mx::astype(x, mx::bfloat16), codes,
                                           bfloat16_matrix(problem.quantized.scales, kOutputs),
                                           bfloat16_matrix(problem.quantized.biases, kOutputs),
                                           true, kQuantization.group_size, kQuantization.bits);
  all.push_back({"q4_bfloat16", measure(y, quantized), 6e-2});
  return all;
}

}  // namespace

std::vector<MatmulDifference> check_matmuls() {
  const Problem problem;
  const std::vector<double> dense = plain_product(problem.x, problem.dense);
  const std::vector<double> quantized = plain_product(problem.x, dequantized(problem.quantized));
  return uses_graph() ? check_graph(problem, dense, quantized)
                      : check_cpu(problem, dense, quantized);
}

}  // namespace oko::tensor
