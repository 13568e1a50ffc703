#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/stop_token.h"

namespace oko::hub {

struct ConvertOptions {
  std::filesystem::path source;        ///< a Hugging Face or MLX folder
  std::filesystem::path destination;   ///< must not exist, or be empty
  std::optional<int> bits = {};        ///< 4 or 8; none: 8, or the source's
  std::optional<int> group_size = {};  ///< 32, 64 or 128; none: see conversion_plan.h
  std::size_t threads = 0;             ///< 0: one a physical core that the process may use
  /// Called with the bytes of the source done and their total, from one thread at a time. May be
  /// empty.
  std::function<void(std::uint64_t, std::uint64_t)> progress = {};
  StopToken stop = {};
  /// Called with the folder of the new model before the work, its weights all zero. Throws if such
  /// a model cannot be loaded. May be empty.
  std::function<void(const std::filesystem::path&)> check_plan = {};
  /// Called with the folder at the end, before it gets its name. Throws if the model does not run.
  /// May be empty.
  std::function<void(const std::filesystem::path&)> check_result = {};
  /// Called with the folder after that, still before it gets its name. May be empty.
  std::function<void(const std::filesystem::path&)> seal = {};
};

/// One tensor of the new checkpoint.
struct ConvertedLayer {
  std::string name;
  std::vector<std::int64_t> shape;
  bool quantized = false;
  std::uint64_t source_bytes = 0;
  std::uint64_t bytes = 0;    ///< with scales and biases
  double relative_error = 0;  ///< root of sum (stored - given)² / sum given²
};

struct ConvertReport {
  int bits = 0;
  int group_size = 0;
  std::vector<ConvertedLayer> layers;
  std::uint64_t source_bytes = 0;  ///< of the layers
  std::uint64_t bytes = 0;         ///< of model.safetensors
  /// No file said how an encoder's pooling works, and it has none of BGE-M3's heads: the new model
  /// says that the first token's vector is taken.
  bool assumed_pooling = false;
};

/// Makes a quantized checkpoint in MLX's affine format from a Hugging Face one, with its config and
/// settings (`copy_settings`). Copies the tensors of a source that is quantized already as they
/// are, aligned and sorted (SafetensorsWriter), and refuses other bits or groups for it. Streams:
/// memory stays within some tens of MB. The destination gets its name when all is written. Throws
/// kUsage, kBadModel, kFailed (disk full), kCancelled.
ConvertReport convert(const ConvertOptions& options);

}  // namespace oko::hub
