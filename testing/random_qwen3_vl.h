#pragma once

#include <string>
#include <vector>

#include "testing/random_checkpoint.h"

namespace oko::testing {

/// Names of the Qwen3-VL checkpoints that can be made.
std::vector<std::string> random_qwen3_vl_shapes();

/// Describes one of them: tensors as in an MLX checkpoint, config.json readable by transformers and
/// by mlx-vlm, and a made-up tokenizer of Qwen's kind.
RandomCheckpoint random_qwen3_vl(const std::string& name);

}  // namespace oko::testing
