#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/file.h"
#include "base/vanished_pages.h"

namespace oko {

/// A whole file mapped read-only. `header()` is `kHeaderBytes` of private, zeroed, writable memory
/// directly in front of the first byte of the file, for allocators that keep a size there.
/// Bytes between the end of the file and the end of its last page read as zero.
class MappedFile {
 public:
  static constexpr std::size_t kHeaderBytes = 16384;  ///< a page, on every system that oko runs on

  /// Maps `path`. Throws `bad`: missing, a folder, empty, not mappable, a pointer of git-lfs.
  MappedFile(const std::filesystem::path& path, ErrorCode bad);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

  /// Releases the memory of bytes that were read and will not be needed soon; a later access reads
  /// them from the file again.
  void forget(std::size_t offset, std::size_t size) const;

  std::byte* header() const { return data_ - kHeaderBytes; }
  const std::filesystem::path& path() const { return path_; }
  const FileIdentity& identity() const { return identity_; }

  /// True if `path` still is the mapped file: not written, cut or replaced since.
  bool is_current() const;

 private:
  std::filesystem::path path_;
  FileIdentity identity_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t reserved_ = 0;
  std::optional<VanishedPages> vanished_pages_;
};

}  // namespace oko
