#pragma once

#include <mlx/backend/cuda/cuda.h>

namespace oko::tensor {

/// True if MLX is its CUDA library (Linux). Only MLX itself can make that library's buffers: memory
/// of oko's own, and mapped files, have to be copied into them.
inline bool uses_cuda_buffers() {
  return mlx::core::cu::is_available();
}

}  // namespace oko::tensor
