#pragma once

#include <mlx/array.h>

#include "tensor/device.h"

namespace oko::tensor {

namespace mx = mlx::core;

/// The dtype of activations: f32 for oko's kernels, which accumulate in f32 and convert weights as
/// they read them; in a graph the dtype of the weights.
inline mx::Dtype compute_dtype(mx::Dtype weight_dtype) {
  return uses_graph() ? weight_dtype : mx::float32;
}

}  // namespace oko::tensor
