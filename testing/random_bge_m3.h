#pragma once

#include <string>
#include <vector>

#include "testing/random_checkpoint.h"

namespace oko::testing {

/// Names of the BGE-M3 checkpoints that can be made.
std::vector<std::string> random_bge_m3_shapes();

/// Describes one of them: tensors under their names in transformers, as `oko convert` writes them,
/// both heads included, and a made-up tokenizer of XLM-RoBERTa's kind.
RandomCheckpoint random_bge_m3(const std::string& name);

}  // namespace oko::testing
