#include "tensor/device.h"

#include <mlx/mlx.h>

#include "tensor/allocator.h"
#include "tensor/cpu/thread_pool.h"

namespace oko::tensor {
namespace {

DeviceOptions prepared;

}  // namespace

bool on_gpu() {
  return mx::default_device() == mx::Device::gpu;
}

mx::Dtype compute_dtype(mx::Dtype weight_dtype) {
  return on_gpu() ? weight_dtype : mx::float32;
}

void prepare_device(const DeviceOptions& options) {
  prepared = options;
  cpu::set_thread_count(options.threads);
  configure_allocator();
  // On the CPU, MLX's compile() would run g++ at run time.
  if (!on_gpu()) mx::disable_compile();
}

void release_spare_memory() {
  mx::clear_cache();
  release_kept_memory();
}

cpu::Precision cpu_precision() {
  return prepared.precision;
}

}  // namespace oko::tensor
