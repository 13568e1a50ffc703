#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/stop_token.h"

namespace oko::hub {

struct AlignOptions {
  std::filesystem::path model;  ///< folder of a model
  /// Is told before a copy is written: its place, and the bytes of disk that it takes. May be
  /// empty.
  std::function<void(const std::filesystem::path&, std::uint64_t)> on_copy = {};
  /// Called with the bytes done and their total, from one thread at a time. May be empty.
  std::function<void(std::uint64_t, std::uint64_t)> progress = {};
  StopToken stop = {};
};

/// Makes sure that the weights of a model can be used where they are mapped. A file whose tensors
/// do not start at multiples of their element's size (MLX's own writer makes such files: its header
/// has any length) would have to be copied into memory by every process. It is copied once instead,
/// with all its shards, into a file whose tensors are aligned and sorted (SafetensorsWriter), in
/// `tensor::aligned_folder()`; `tensor::Weights` maps that file from then on. The model's own
/// folder is never written to.
///
/// The copy belongs to the files as they are now. Once they are replaced, it is removed and made
/// anew; copies of models that are gone are removed when another is made. Several processes may
/// call at the same time: one writes, the others wait. What an interrupted process left is removed
/// by the next that writes.
///
/// Returns whether a copy was made. Throws kBadModel; kFailed where the disk is full or the folder
/// cannot be written, with nothing left behind; kCancelled.
bool align_weights(const AlignOptions& options);

/// Bytes of disk that `align_weights` would take for a copy; 0 where it would make none.
/// Throws kBadModel.
std::uint64_t aligned_copy_bytes(const std::filesystem::path& model);

}  // namespace oko::hub
