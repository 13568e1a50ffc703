#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/file.h"
#include "base/mapped_file.h"

namespace oko::text {

/// The files that a table was made from; absent ones are zero.
using TableSources = std::array<FileIdentity, 3>;

/// The start of the block of every table.
struct TableHeader {
  std::uint64_t magic, checksum;  ///< XXH3 of all that follows this header
  std::uint32_t version, reserved;
  TableSources sources;
};

/// A kind of table.
struct TableKind {
  std::uint64_t magic;
  std::uint32_t version;  ///< raise it with any change of the block
  /// True if a reader of the block stays inside it. Called for blocks of this kind with the right
  /// checksum and at least the size of a TableHeader.
  bool (*is_sound)(std::span<const std::byte> block);
  const char* suffix;  ///< of cache files
};

/// The bytes of a table: a mapped file, or memory. Their address stays when this object moves.
class TableBlock {
 public:
  explicit TableBlock(std::vector<std::byte> memory) : memory_(std::move(memory)) {}
  explicit TableBlock(std::unique_ptr<MappedFile> file) : file_(std::move(file)) {}
  std::span<const std::byte> bytes() const { return file_ ? file_->bytes() : memory_; }

 private:
  std::vector<std::byte> memory_;
  std::unique_ptr<MappedFile> file_;
};

/// Fills in the TableHeader of a finished block.
void seal_table(std::span<std::byte> block, const TableKind& kind, const TableSources& sources);

/// The table of the model in `model_dir`: mapped from the cache if that has one made from
/// `sources`, whatever the folder's path; else made by `build` and cached. An empty `cache_dir`, or
/// one that cannot be written, only costs time at the next start.
TableBlock load_table(const TableKind& kind, const std::filesystem::path& cache_dir,
                      const std::filesystem::path& model_dir, const TableSources& sources,
                      const std::function<std::vector<std::byte>()>& build);

}  // namespace oko::text
