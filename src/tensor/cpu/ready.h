#pragma once

#include <mlx/array.h>

namespace oko::tensor::cpu {

namespace mx = mlx::core;

// Arrays as the kernels take and give them. A kernel runs when its layer is called, on that thread
// and the pool; MLX's lazy graph would wake a thread for every node, hundreds of times a token.

/// `x` evaluated and row-contiguous: itself where it is that already.
mx::array ready(const mx::array& x);

/// Likewise as f32.
mx::array ready_f32(const mx::array& x);

/// Likewise, but its rows (along the first axis) may be `strides(0)` elements apart.
mx::array ready_f32_rows(const mx::array& x);

/// Memory for a kernel to write.
mx::array uninitialized(mx::Shape shape, mx::Dtype dtype = mx::float32);

/// `x`, which is ready, seen in another shape of as many elements.
mx::array reshaped(const mx::array& x, mx::Shape shape);

}  // namespace oko::tensor::cpu
