#pragma once

#include <mlx/array.h>

namespace oko::tensor::cpu {

namespace mx = mlx::core;

// Arrays as the kernels take and give them. A kernel runs when its layer is called, on that thread
// and the pool; MLX's lazy graph would wake a thread for every node, hundreds of times a token.

/// Evaluates `x` and makes it row-contiguous; no copy if it already is.
mx::array materialized(const mx::array& x);

/// The same as f32.
mx::array materialized_f32(const mx::array& x);

/// The same, but its rows (along the first axis) may be `strides(0)` elements apart.
mx::array materialized_f32_rows(const mx::array& x);

/// Memory for a kernel to write.
mx::array uninitialized(mx::Shape shape, mx::Dtype dtype = mx::float32);

/// `x`, which is materialized, seen in another shape of as many elements.
mx::array reshaped(const mx::array& x, mx::Shape shape);

}  // namespace oko::tensor::cpu
