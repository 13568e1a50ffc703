#pragma once

#include <string>

namespace oko::tensor {

/// The name of the GPU that models run on; empty if they run on the CPU.
std::string gpu_name();

}  // namespace oko::tensor
