#pragma once

#include <mlx/backend/cuda/cuda.h>

namespace oko::tensor {

/// True if MLX is its CUDA library (Linux). Only MLX itself can make buffers of that library, so
/// oko's own memory and mapped files are copied into them.
inline bool uses_cuda_buffers() {
  return mlx::core::cu::is_available();
}

}  // namespace oko::tensor
