#include "tensor/buffer_phases.h"

#include <mlx/memory.h>

#include <algorithm>

#include "tensor/allocator.h"
#include "tensor/device.h"

namespace oko::tensor {

namespace mx = mlx::core;

BufferPhases::BufferPhases()
    : before_(mx::get_active_memory()), peak_(before_), memory_limit_(mx::get_memory_limit()) {
  mx::reset_peak_memory();
}

BufferPhases::~BufferPhases() {
  if (!uses_graph()) return;
  mx::set_memory_limit(memory_limit_);
  mx::set_cache_limit(idle_cache_bytes());
  mx::clear_cache();
}

void BufferPhases::begin(std::uint64_t bytes) {
  if (!uses_graph()) return;
  mx::clear_cache();
  mx::set_cache_limit(bytes);
  // Metal's allocator then gives kept buffers back before it exceeds the sum, and MLX waits for
  // kernels in flight before it encodes more.
  mx::set_memory_limit(std::min(before_ + bytes, memory_limit_));
}

std::uint64_t BufferPhases::take_peak() {
  const std::uint64_t peak = std::max<std::uint64_t>(mx::get_peak_memory(), before_);
  mx::reset_peak_memory();
  peak_ = std::max(peak_, peak);
  return peak - before_;
}

std::uint64_t BufferPhases::peak_bytes() {
  take_peak();
  return peak_;
}

}  // namespace oko::tensor
