#pragma once

#include <mlx/allocator.h>

#include <cstddef>

namespace oko::tensor {

namespace mx = mlx::core;

/// Uninitialised memory of an array. Throws kFailed if the system has none.
mx::allocator::Data allocate(std::size_t bytes);

/// Bytes of freed buffers that MLX keeps where no request runs.
std::size_t idle_cache_bytes();

/// Gives back to the system what is kept for arrays to come.
void trim_array_pool();

}  // namespace oko::tensor
