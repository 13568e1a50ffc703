#pragma once

#include <mlx/array.h>

namespace oko::tensor {

namespace mx = mlx::core;

/// Whether graphs run on a GPU (MLX's own operations) or on the CPU (oko's kernels, see
/// tensor/cpu).
bool on_gpu();

/// The dtype of activations: f32 on the CPU, where the kernels accumulate in f32 and convert
/// weights as they read them; on a GPU the dtype of the weights.
mx::Dtype compute_dtype(mx::Dtype weight_dtype);

/// To be called once by the thread that owns MLX, before anything is evaluated.
void prepare_device();

}  // namespace oko::tensor
