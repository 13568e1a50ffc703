#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/localized_text.h"
#include "base/stop_token.h"

namespace oko::hub {

struct AlignOptions {
  std::filesystem::path model;  ///< folder of a model
  /// Called before a copy is written, with its place and the bytes of disk that it takes. May be
  /// empty.
  std::function<void(const std::filesystem::path&, std::uint64_t)> on_copy = {};
  /// Called with the bytes done and their total, from one thread at a time. May be empty.
  std::function<void(std::uint64_t, std::uint64_t)> progress = {};
  StopToken stop = {};
};

/// Makes sure that the weights of a model can be used where they are mapped. Every process would
/// have to copy a file into memory if its tensors do not start at multiples of their element's size
/// (MLX's own writer makes such files: its header has any length). This function copies it once
/// instead, with all its shards, into a file whose tensors are aligned and sorted
/// (SafetensorsWriter), in `checkpoint::aligned_folder()`; `tensor::Weights` maps that file from
/// then on. It never writes to the model's own folder.
///
/// If the model's files are replaced, the copy is removed and made again. Each call for any model
/// also removes the copies of models that are gone, those of older snapshots of a Hugging Face
/// model whose `refs/main` snapshot is in use, and the leftovers of interrupted processes. Several
/// processes may call at the same time: one writes, the others wait.
///
/// Returns true if a copy was made. Throws kBadModel; kFailed if the disk is full or the folder
/// cannot be written, with nothing left behind; kCancelled.
bool align_weights(const AlignOptions& options);

/// The copy that `align_weights` would make.
struct AlignedCopy {
  std::uint64_t bytes = 0;  ///< of disk; 0: none is needed
  LocalizedText obstacle;   ///< the reason why it cannot be made; empty if it can
};

/// Makes no copy. Throws kBadModel.
AlignedCopy aligned_copy_of(const std::filesystem::path& model);

}  // namespace oko::hub
