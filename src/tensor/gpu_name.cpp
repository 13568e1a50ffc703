#include "tensor/gpu_name.h"

#include <mlx/device.h>

#include <variant>

#include "tensor/device.h"

namespace oko::tensor {

namespace mx = mlx::core;

std::string gpu_name() {
  if (!on_gpu()) return {};
  const auto info = mx::device_info(mx::Device::gpu);
  const auto found = info.find("device_name");
  if (found == info.end()) return {};
  const auto* name = std::get_if<std::string>(&found->second);
  return name != nullptr ? *name : std::string();
}

}  // namespace oko::tensor
