#pragma once

#include <mlx/array.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tensor/cpu/matmul.h"
#include "tensor/quantization.h"
#include "tensor/weights.h"

namespace oko::tensor {

/// A matrix of weights, dense or quantized, used as a linear layer or as a table of embeddings. The
/// weights stay in the mapped file.
class Linear {
 public:
  /// Reads `name`.weight, .scales and .biases if it is quantized, and .bias if the layer has one.
  /// Throws kBadModel if shapes do not agree with (out_features, in_features) and `quantization`.
  static Linear load(const Weights& weights, const std::string& name, std::int64_t out_features,
                     std::int64_t in_features, const QuantizationConfig& quantization);

  /// A dense layer from arrays: weight (out_features, in_features), bias (out_features).
  Linear(mx::array weight, std::optional<mx::array> bias);

  /// x · weightᵀ + bias. x: (n, in_features) -> (n, out_features).
  mx::array operator()(const mx::array& x) const;

  /// activation(x · weightᵀ + bias).
  mx::array forward_activation(const mx::array& x, cpu::Activation activation) const;

  /// residual + x · weightᵀ + bias. residual: (n, out_features).
  mx::array forward_residual(const mx::array& residual, const mx::array& x) const;

  /// The products of several layers with one x, with the precision of the first.
  static std::vector<mx::array> multiply_all(const mx::array& x,
                                             std::initializer_list<const Linear*> layers);

  /// A layer of output features first .. first + count - 1 only, on the same memory.
  Linear slice_rows(int first, int count) const;

  /// Sets the precision of products on the CPU, unless `cpu_precision()` asks for f32 everywhere:
  /// kFloat32 for small layers whose results are an answer, kInt8Activations in encoders.
  void set_precision(cpu::Precision precision) { precision_ = precision; }

  /// Rows of the weight: ids (n) of int32, each in 0 .. out_features - 1, -> (n, in_features). The
  /// caller checks the ids.
  mx::array embed(const mx::array& ids) const;

  /// Bytes that a product reads: codes, scales and biases.
  std::uint64_t nbytes() const;
  /// Bytes of one row that a product reads.
  std::uint64_t multiply_adds() const;

  bool is_quantized() const { return scales_.has_value(); }

  /// The dtype of the weights; if quantized, of their scales.
  mx::Dtype dtype() const { return scales_ ? scales_->dtype() : weight_.dtype(); }

 private:
  cpu::GemmTask product(mx::array& y) const;
  void multiply(const mx::array& x, std::span<const cpu::GemmTask> products) const;

  mx::array weight_;
  std::optional<mx::array> scales_;
  std::optional<mx::array> biases_;
  std::optional<mx::array> bias_;
  Quantization quantization_;
  int out_features_ = 0;
  int in_features_ = 0;
  cpu::Precision precision_ = cpu::Precision::kInt16Activations;
};

}  // namespace oko::tensor
