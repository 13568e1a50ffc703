#pragma once

#include <mlx/array.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/safetensors.h"

namespace oko::tensor {

namespace mx = mlx::core;

/// The tensors of a model folder, mapped from its safetensors files without a copy: a tensor costs
/// memory only as its pages are read, and those pages belong to the system's page cache.
///
/// Arrays keep their file mapped, so they may outlive this object.
class Weights {
 public:
  /// Opens `model.safetensors`, or the shards of `model.safetensors.index.json`.
  /// Throws kBadModel: no such files, a missing shard, a header that fails `parse_safetensors`.
  static Weights open(const std::filesystem::path& model_dir);

  /// Bytes of the files that `open` would map; 0 where it would throw.
  static std::uint64_t bytes_on_disk(const std::filesystem::path& model_dir);

  /// For who asked that before: throws kBadModel where it is no longer `bytes`, since another model
  /// has come to its place.
  static void require_bytes_on_disk(const std::filesystem::path& model_dir, std::uint64_t bytes);

  /// The mapped files, for those who want to know whether they still are what they were.
  std::vector<std::shared_ptr<const MappedFile>> files() const;

  bool contains(std::string_view name) const { return find(name) != nullptr; }

  /// Shape of a tensor; nothing where there is none.
  std::optional<std::vector<std::int64_t>> shape(std::string_view name) const;

  /// The tensor, in its own dtype, evaluated. Throws kBadModel where it is missing.
  mx::array get(std::string_view name) const;

  /// The tensor, which must have this shape. Throws kBadModel naming both shapes.
  mx::array get(std::string_view name, std::initializer_list<std::int64_t> shape) const;

 private:
  struct File {
    std::shared_ptr<MappedFile> mapping;
    mx::array words;  ///< the whole file as uint64, so that 2^31 elements hold 16 GB
  };
  struct Entry {
    std::size_t file;
    TensorInfo info;
  };

  void add_file(const std::filesystem::path& path);
  const Entry* find(std::string_view name) const;

  std::filesystem::path model_dir_;
  std::vector<File> files_;
  std::map<std::string, Entry, std::less<>> tensors_;
};

}  // namespace oko::tensor
