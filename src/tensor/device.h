#pragma once

#include <mlx/array.h>

#include <cstddef>
#include <cstdint>

#include "tensor/cpu/matmul.h"

namespace oko::tensor {

namespace mx = mlx::core;

/// Whether graphs run on a GPU (MLX's own operations) or on the CPU (oko's kernels, see
/// tensor/cpu).
bool on_gpu();

/// The dtype of activations: f32 on the CPU, where the kernels accumulate in f32 and convert
/// weights as they read them; on a GPU the dtype of the weights.
mx::Dtype compute_dtype(mx::Dtype weight_dtype);

struct DeviceOptions {
  /// Of the CPU kernels; 0: one a physical core. The process's first call decides.
  std::size_t threads = 0;
  /// Of products on the CPU: kFloat, for comparison with references, or as each layer asks.
  cpu::Precision precision = cpu::Precision::kInteger;
};

/// To be called by the thread that owns MLX, before anything is evaluated.
void prepare_device(const DeviceOptions& options = {});

/// Gives memory that is kept for later arrays, and by the calling thread for later products, back
/// to the system.
void release_spare_memory();

/// Bytes that the system lets the GPU keep in memory (Metal's recommendedMaxWorkingSetSize); 0
/// where there is none.
std::uint64_t gpu_working_set_bytes();

/// What `prepare_device` was told.
cpu::Precision cpu_precision();

}  // namespace oko::tensor
