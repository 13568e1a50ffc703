#pragma once

#include <mlx/allocator.h>

#include <cstddef>

namespace oko::tensor {

namespace mx = mlx::core;

/// Uninitialised memory of an array. Throws kFailed if the system has none.
mx::allocator::Data allocate(std::size_t bytes);

/// Bytes of freed buffers that MLX keeps while no request runs.
std::size_t idle_cache_bytes();

/// Returns the memory that is kept for later arrays to the system, all but at most `kept` bytes.
void trim_array_pool(std::size_t kept = 0);

}  // namespace oko::tensor
