#pragma once

#include <mlx/device.h>

#include "tensor/device.h"

namespace oko {

inline bool has_gpu() {
  return mlx::core::device_count(mlx::core::Device::gpu) > 0;
}

/// The device of MLX's graph on this machine: its GPU, otherwise MLX's CPU device.
inline tensor::Device graph_device() {
  return has_gpu() ? tensor::Device::kGpu : tensor::Device::kGraphOnCpu;
}

}  // namespace oko
