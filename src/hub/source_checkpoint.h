#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "checkpoint/safetensors.h"

namespace oko::hub {

/// A tensor of a checkpoint, for a conversion.
class SourceTensor {
 public:
  SourceTensor(std::shared_ptr<MappedFile> file, checkpoint::TensorInfo info)
      : file_(std::move(file)), info_(std::move(info)) {}

  const checkpoint::TensorInfo& info() const { return info_; }
  bool is_float() const;
  std::uint64_t count() const;  ///< of elements

  /// Elements [first, first + count) of a tensor of floats as f32. Throws kBadModel, naming `name`,
  /// if one is not a number.
  std::vector<float> read(const std::string& name, std::uint64_t first, std::uint64_t count) const;

  /// Releases the memory of those elements.
  void forget(std::uint64_t first, std::uint64_t count) const;

  /// The tensor as it lies in the file.
  std::span<const std::byte> bytes() const {
    return file_->bytes().subspan(info_.offset, info_.size);
  }

  /// Releases the memory of `size` bytes from `begin`.
  void forget_bytes(std::uint64_t begin, std::uint64_t size) const {
    file_->forget(info_.offset + begin, size);
  }

 private:
  std::shared_ptr<MappedFile> file_;
  checkpoint::TensorInfo info_;
};

/// The tensors of a Hugging Face folder by their names: of its safetensors, else of
/// pytorch_model.bin, with or without an index of shards; those of sparse_linear.pt and
/// colbert_linear.pt as "sparse_linear.weight" and so on. Throws kBadModel.
std::map<std::string, SourceTensor> open_source(const std::filesystem::path& folder);

/// The tensors of safetensors files. Throws kBadModel, also if two files have the same tensor.
std::map<std::string, SourceTensor> open_safetensors(
    const std::vector<std::filesystem::path>& files);

}  // namespace oko::hub
