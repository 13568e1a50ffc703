#include "base/fail_point.h"
#include "tensor/allocator.h"
#include "tensor/cpu/array_pool.h"
#include "tensor/device.h"

namespace oko::tensor {

// Arrays are Metal's buffers. MLX keeps freed ones in a cache of its own, up to all of the memory
// unless it has a limit.

mx::allocator::Data allocate(std::size_t bytes) {
  FailPoint::allocation();
  return mx::allocator::malloc(bytes);
}

std::size_t idle_cache_bytes() {
  return cpu::ArrayPool::kMostKept;
}

void trim_array_pool(std::size_t) {}

void trim_heap() {}

}  // namespace oko::tensor
