#pragma once

#include <mlx/array.h>

#include <functional>
#include <string>

namespace oko::models {

/// Sees the output of each stage as it is computed ("vision.layer.0", "text.layer.3", ...), for
/// parity checks against a reference. Empty: not used.
using ActivationHook =
    std::function<void(const std::string& stage, const mlx::core::array& output)>;

}  // namespace oko::models
