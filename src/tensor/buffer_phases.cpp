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
  bounds_ = nullptr;
  if (!uses_graph()) return;
  mx::set_memory_limit(memory_limit_);
  mx::set_cache_limit(idle_cache_bytes());
  mx::clear_cache();
}

void BufferPhases::begin(std::uint64_t bytes) {
  bounds_ = this;
  if (!uses_graph()) return;
  mx::clear_cache();
  mx::set_cache_limit(bytes);
  // Above the limit MLX waits for all kernels in flight after each operation: a slightly low
  // prediction would cost all of its speed. The limit of the cache keeps the sum within it.
  const std::uint64_t room = bytes + bytes / 4;
  mx::set_memory_limit(std::min(before_ + room, memory_limit_));
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
