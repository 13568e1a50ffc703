#include <mlx/memory.h>

#include "tensor/allocator.h"
#include "tensor/cpu/array_pool.h"

namespace oko::tensor {

// Arrays are Metal's buffers, and MLX keeps what it frees in a cache of its own, without a limit
// that means anything unless it is given one.

mx::allocator::Data allocate(std::size_t bytes) {
  return mx::allocator::malloc(bytes);
}

void configure_allocator() {
  mx::set_cache_limit(cpu::ArrayPool::kMostKept);
}

void release_kept_memory() {}

}  // namespace oko::tensor
