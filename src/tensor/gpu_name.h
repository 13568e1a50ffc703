#pragma once

#include <string>

namespace oko::tensor {

/// The name of the GPU that models run on; empty where they run on the CPU.
std::string gpu_name();

}  // namespace oko::tensor
