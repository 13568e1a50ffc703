#pragma once

#include <mlx/array.h>

#include <functional>
#include <span>
#include <string>

#include "tensor/weights.h"

namespace oko::tensor {

/// Root mean square normalisation (Zhang & Sennrich 2019) over the last axis.
class RmsNorm {
 public:
  /// Reads `name`.weight of `width` elements. Throws kBadModel.
  static RmsNorm load(const Weights& weights, const std::string& name, std::int64_t width,
                      float epsilon);
  /// x: (..., width) -> the same shape.
  mx::array operator()(const mx::array& x) const;

 private:
  RmsNorm(mx::array weight, float epsilon) : weight_(std::move(weight)), epsilon_(epsilon) {}
  mx::array weight_;
  float epsilon_;
};

/// Layer normalisation (Ba et al. 2016) over the last axis.
class LayerNorm {
 public:
  /// Reads `name`.weight and `name`.bias of `width` elements; checkpoints converted from TensorFlow
  /// call them .gamma and .beta. Throws kBadModel.
  static LayerNorm load(const Weights& weights, const std::string& name, std::int64_t width,
                        float epsilon);
  /// x: (..., width) -> the same shape.
  mx::array operator()(const mx::array& x) const;

 private:
  LayerNorm(mx::array weight, mx::array bias, float epsilon)
      : weight_(std::move(weight)), bias_(std::move(bias)), epsilon_(epsilon) {}
  mx::array weight_;
  mx::array bias_;
  float epsilon_;
};

/// Copies numbers into a matrix of `rows` rows, f32.
mx::array from_host_rows(std::span<const float> values, int rows);

/// Applies `part(first, count)` to blocks of `step` of `rows` rows and joins the results, to bound
/// the size of temporaries.
mx::array for_row_blocks(int rows, int step,
                         const std::function<mx::array(int first, int count)>& part);

/// `x` in another shape of as many elements.
mx::array reshape(const mx::array& x, mx::Shape shape);

/// a + b, elementwise; both have one shape.
mx::array add(const mx::array& a, const mx::array& b);

/// silu(gate) * up, elementwise.
mx::array swiglu(const mx::array& gate, const mx::array& up);

/// Splits rows into heads: (n, heads * head_dim) -> (n, heads, head_dim); in a graph (n, heads, 1,
/// head_dim), the layout of MLX's kernels for one token.
mx::array split_heads(const mx::array& rows, int heads, int head_dim);

}  // namespace oko::tensor
