#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/temporary_file.h"
#include "checkpoint/safetensors.h"

namespace oko::checkpoint {

/// A tensor to write.
struct TensorDeclaration {
  std::string name;
  Dtype dtype = Dtype::kFloat32;
  std::vector<std::int64_t> shape;  ///< every dimension > 0; empty for a scalar
};

/// Bytes of a declared tensor. Its product must fit 64 bits.
std::uint64_t byte_size(const TensorDeclaration& tensor);

/// Writes a safetensors file whose tensors are known beforehand and whose data comes in pieces, in
/// any order and from any thread. The file gets its name only in `finish`, so that a reader never
/// sees half of it; a writer destroyed before that leaves nothing.
///
/// The data starts at a multiple of 64, and the format allows no holes. First come the tensors
/// whose sizes are multiples of 64, those of each part of the model (model_part.h) together: text,
/// vision, heads. Then come the others, by the largest power of two that divides their size: every
/// tensor starts at a multiple of 64, or of that power of two.
class SafetensorsWriter {
 public:
  /// Writes the header, with `metadata` and "format": "mlx". Throws kFailed if the file cannot be
  /// made.
  SafetensorsWriter(const std::filesystem::path& path,
                    const std::vector<TensorDeclaration>& tensors,
                    const std::map<std::string, std::string>& metadata = {});
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  /// Writes `bytes` at byte `begin` of the declared tensor number `tensor`. Write each byte once.
  /// Safe to call from several threads. Throws kFailed: disk full, I/O error.
  void write(std::size_t tensor, std::uint64_t begin, std::span<const std::byte> bytes);

  /// Waits until all data are on the disk, then gives the file its name. Throws kFailed.
  void finish();

  /// Gives the file its name with zeros in place of all data, so that the model can be loaded
  /// before it is written. The zeros take no disk if the file system has holes. Throws kFailed.
  void finish_hollow();

  /// Bytes of the whole file.
  std::uint64_t file_size() const { return file_size_; }

 private:
  struct Extent {
    std::uint64_t offset = 0;  ///< from the start of the file
    std::uint64_t size = 0;    ///< bytes
  };

  void give_name();
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  [[noreturn]] void fail(int error) const;

  std::filesystem::path path_;
  std::string temporary_;
  int file_ = -1;
  std::optional<TemporaryPath> registration_;
  std::vector<Extent> extents_;  ///< by declared number
  std::uint64_t file_size_ = 0;
  std::atomic<std::uint64_t> written_ = 0;  ///< bytes of data
};

}  // namespace oko::checkpoint
