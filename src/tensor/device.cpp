#include "tensor/device.h"

#include <mlx/mlx.h>

#include <variant>

#include "tensor/allocator.h"
#include "tensor/cpu/integer_matmul.h"
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
  cpu::release_integer_input();
  release_kept_memory();
}

std::uint64_t gpu_working_set_bytes() {
  if (!on_gpu()) return 0;
  const auto& info = mx::device_info(mx::Device::gpu);
  const auto found = info.find("max_recommended_working_set_size");
  if (found == info.end()) return 0;
  const auto* bytes = std::get_if<std::size_t>(&found->second);
  return bytes != nullptr ? *bytes : 0;
}

cpu::Precision cpu_precision() {
  return prepared.precision;
}

}  // namespace oko::tensor
