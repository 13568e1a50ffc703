#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/safetensors.h"

namespace oko::hub {

/// A tensor of a checkpoint that is to be converted.
class SourceTensor {
 public:
  SourceTensor(std::shared_ptr<MappedFile> file, tensor::TensorInfo info)
      : file_(std::move(file)), info_(std::move(info)) {}

  const tensor::TensorInfo& info() const { return info_; }
  bool is_float() const;
  std::uint64_t count() const;  ///< of elements

  /// Elements [first, first + count) of a tensor of floats as f32. Throws kBadModel, naming `name`,
  /// where one is not a number.
  std::vector<float> read(const std::string& name, std::uint64_t first, std::uint64_t count) const;

  /// Gives the memory of those elements back.
  void forget(std::uint64_t first, std::uint64_t count) const;

 private:
  std::shared_ptr<MappedFile> file_;
  tensor::TensorInfo info_;
};

/// The tensors of a Hugging Face folder by their names: of its safetensors, else of
/// pytorch_model.bin, with or without an index of shards; those of sparse_linear.pt and
/// colbert_linear.pt as "sparse_linear.weight" and so on. Throws kBadModel.
std::map<std::string, SourceTensor> open_source(const std::filesystem::path& folder);

}  // namespace oko::hub
