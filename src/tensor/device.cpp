#include "tensor/device.h"

#include <mlx/mlx.h>

namespace oko::tensor {

bool on_gpu() {
  return mx::default_device() == mx::Device::gpu;
}

mx::Dtype compute_dtype(mx::Dtype weight_dtype) {
  return on_gpu() ? weight_dtype : mx::float32;
}

void prepare_device() {
  // On the CPU, MLX's compile() would run g++ at run time.
  if (!on_gpu()) mx::disable_compile();
}

}  // namespace oko::tensor
