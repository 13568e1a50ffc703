#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/stop_token.h"

namespace oko::testing {

struct RandomModelOptions {
  std::string shape;                  ///< one of `random_model_shapes()`
  std::uint64_t seed = 1;             ///< the same seed gives the same bits on every machine
  std::uint64_t max_shard_bytes = 0;  ///< of tensors in one file; 0: one file, no index
  /// Called with the bytes of tensors made and their total, from one thread at a time. May be
  /// empty.
  std::function<void(std::uint64_t, std::uint64_t)> progress = {};
  StopToken stop = {};
};

/// Shapes that `make_random_model` knows:
/// `qwen3-vl-4b` (Qwen3-VL-4B-Instruct, text 4-bit, vision bf16: 3.1 GB), `qwen3-vl-4b-2layer` (its
/// dimensions with 2 + 2 layers and 8192 tokens: 0.3 GB), `qwen3-vl-4b-narrow` (its text layers and
/// head sizes, narrow: 4 MB), `qwen3-vl-small-f32`,
/// `qwen3-vl-small-4bit`; `bge-m3` (BGE-M3 in 8 bits: 0.6 GB), `bge-m3-2layer` (its dimensions with
/// 2 layers and 8192 tokens), `bge-m3-small-f32`, `bge-m3-small-8bit`.
std::vector<std::string> random_model_shapes();

/// Writes a checkpoint with random weights in the layout of an MLX one into the folder `out`:
/// config, weights, settings, and a made-up tokenizer of the model's kind.
/// For measurements and parity tests: tools/parity/README.md has the formula of every element.
/// Makes `out` if it is missing; it must be empty. After an error or a stop it holds nothing new.
/// Throws kUsage (unknown shape, folder in use), kFailed (too little free disk, I/O), kCancelled.
void make_random_model(const RandomModelOptions& options, const std::filesystem::path& out);

}  // namespace oko::testing
