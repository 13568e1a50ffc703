#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "hub/byte_ranges.h"

namespace oko::hub {

/// A file that is written in pieces, in any order: "PATH.part" until `keep`. A journal next to it
/// ("PATH.part.journal") has the ranges that were written, so that the next process goes on where
/// this one was killed. One thread writes; another may read what is ready.
class PartFile {
 public:
  /// Opens what is left of an earlier process, unless that was for another `identity` (a hash of
  /// the content) or size. Makes the folder. Throws kFailed.
  PartFile(std::filesystem::path path, std::uint64_t size, std::string identity);
  /// Keeps the part and its journal.
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  std::uint64_t size() const { return size_; }
  std::uint64_t written_bytes() const;

  struct Ready {
    std::uint64_t bytes = 0;  ///< at the start of the file, all of them written
    int clears = 0;           ///< calls of `clear` so far
  };
  Ready ready() const;

  /// Throws kFailed: a full disk.
  void write(std::uint64_t offset, std::span<const std::byte> bytes);

  /// Reads bytes that were ready. Returns false if they are no longer there: after `clear`. Throws
  /// kFailed.
  bool read(std::uint64_t offset, std::span<std::byte> bytes) const;

  /// The first bytes that are neither written nor claimed, at most `most`; claims them.
  std::optional<ByteRange> claim(std::uint64_t most);
  void release(ByteRange claimed);
  bool has_claims() const { return !claims_.empty(); }

  /// Forgets what was written.
  void clear();

  /// The error of a read. Throws kFailed.
  [[noreturn]] void fail_read(int error) const;

  /// Gives the complete file its name, after it has reached the disk. Throws kFailed.
  void keep();

 private:
  void open();
  void read_journal();
  void start_journal() OKO_REQUIRES(mutex_);
  void flush_journal() OKO_REQUIRES(mutex_);
  [[noreturn]] void fail(const std::filesystem::path& path, int error) const;

  std::filesystem::path path_, part_, journal_;
  std::uint64_t size_;
  std::string identity_;
  int file_ = -1;
  int journal_file_ = -1;
  std::vector<ByteRange> claims_;
  mutable Mutex mutex_;
  ByteRanges written_ OKO_GUARDED_BY(mutex_);
  int clears_ OKO_GUARDED_BY(mutex_) = 0;
  ByteRanges unrecorded_ OKO_GUARDED_BY(mutex_);  ///< written since the last line of the journal
};

}  // namespace oko::hub
