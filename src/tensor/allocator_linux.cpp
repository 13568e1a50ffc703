#include <malloc.h>

#include <cstring>

#include "base/fail_point.h"
#include "tensor/allocator.h"
#include "tensor/cpu/array_pool.h"
#include "tensor/cuda_buffers.h"
#include "tensor/device.h"

namespace oko::tensor {

mx::allocator::Data allocate(std::size_t bytes) {
  FailPoint::allocation();
  if (bytes < cpu::ArrayPool::kMinBytes || uses_cuda_buffers()) {
    mx::allocator::Data data = mx::allocator::malloc(bytes);
    if (data.buffer().ptr() == nullptr) cpu::ArrayPool::throw_no_memory(bytes);
    return data;
  }
  std::byte* memory = cpu::array_pool().take(bytes);
  // Like MLX's own buffers on the CPU, it points at its size in front of the data.
  std::byte* start = memory - sizeof(bytes);
  std::memcpy(start, &bytes, sizeof(bytes));
  return {mx::allocator::Buffer(start),
          [memory](mx::allocator::Buffer) { cpu::array_pool().give_back(memory); }};
}

/// The kernels' large arrays have a pool of their own, and MLX's are few.
std::size_t idle_cache_bytes() {
  return uses_graph() ? cpu::ArrayPool::kMostKept : 0;
}

void trim_array_pool(std::size_t kept) {
  cpu::array_pool().trim(kept);
  trim_heap();
}

void trim_heap() {
  malloc_trim(0);
}

}  // namespace oko::tensor
