#pragma once

#include <filesystem>
#include <vector>

#include "base/file.h"
#include "checkpoint/safetensors.h"

namespace oko::checkpoint {

/// A file of weights and its identity when it was found.
struct SourceFile {
  std::filesystem::path path;
  FileIdentity identity;

  /// True if `path` still is that file.
  bool is_current() const;
};

/// The safetensors files of a model folder, as `checkpoint_files` chooses them. Throws kBadModel:
/// no such files, a missing shard.
std::vector<SourceFile> find_weight_files(const std::filesystem::path& model_dir);

/// The path of the aligned copy of these files of `model_dir`, which need not exist: a file in
/// `aligned_folder()`. Its name has the identity of the folder and of the files, so that replaced
/// files have another copy.
std::filesystem::path aligned_copy_path(const std::filesystem::path& model_dir,
                                        const std::vector<SourceFile>& files);

/// `$OKO_HOME/aligned`.
std::filesystem::path aligned_folder();

/// The key of a copy's metadata that names the model folder it was made of.
inline constexpr const char* kAlignedSourceKey = "oko_source";

/// True if a tensor starts at a multiple of its element's size.
inline bool is_aligned(const TensorInfo& tensor) {
  return tensor.offset % size_of(tensor.dtype) == 0;
}

}  // namespace oko::checkpoint
