#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "hub/padded_header.h"
#include "net/byte_ranges.h"

namespace oko::hub {

/// A file that is written in pieces, in any order: "PATH.part" until `keep`. A journal next to it
/// ("PATH.part.journal") has the ranges that were written, so that the next process goes on where
/// this one was killed. One thread writes; another may read what is ready.
///
/// A file of weights gets spaces behind its header if its tensors are not aligned (Padding). Its
/// header must come first and in order. Sizes and offsets are those of the published file.
class PartFile {
 public:
  /// Opens what is left of an earlier process, unless that was for another `identity` (a hash of
  /// the content) or size. Makes the folder. Throws kFailed.
  PartFile(std::filesystem::path path, std::uint64_t size, std::string identity,
           bool is_weights = false);
  /// Keeps the part and its journal.
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  std::uint64_t size() const { return size_; }
  std::uint64_t written_bytes() const;

  struct Ready {
    std::uint64_t bytes = 0;  ///< at the start of the file, all of them written
    int clears = 0;           ///< calls of `clear` so far
    Padding padding = {};     ///< valid if there are bytes
  };
  Ready ready() const;

  /// True until the header of weights is there. Then only bytes that follow those before may come.
  bool needs_header() const;

  /// Throws kFailed: a full disk.
  void write(std::uint64_t offset, std::span<const std::byte> bytes);

  /// Reads bytes that were ready. Returns false if they are no longer there: after `clear`. Throws
  /// kFailed.
  bool read(std::uint64_t offset, std::span<std::byte> bytes) const;

  /// The begin of the file as it lies on the disk, with its padding. Returns false as `read`.
  bool read_stored_header(std::string& header) const;

  /// Lets the system write bytes to the disk that were ready, so that `keep` has little to wait
  /// for.
  void start_writing_back(net::ByteRange range) const;

  /// The first bytes that are neither written nor claimed, at most `most`; claims them.
  std::optional<net::ByteRange> claim(std::uint64_t most);
  void release(net::ByteRange claimed);
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
  std::string first_line() const;  ///< of the journal
  void start_journal() OKO_REQUIRES(mutex_);
  void flush_journal() OKO_REQUIRES(mutex_);
  void take_header(std::uint64_t offset, std::span<const std::byte> bytes);
  void set_padding(const Padding& padding);
  void write_at(std::uint64_t place, std::span<const std::byte> bytes) const;
  bool read_at(std::uint64_t place, std::span<std::byte> bytes) const;
  [[noreturn]] void fail(const std::filesystem::path& path, int error) const;

  std::filesystem::path path_, part_, journal_;
  std::uint64_t size_;
  std::string identity_;
  bool is_weights_;
  std::vector<std::byte> header_;  ///< of weights, until it is complete
  int file_ = -1;
  int journal_file_ = -1;
  std::vector<net::ByteRange> claims_;
  mutable Mutex mutex_;
  net::ByteRanges written_ OKO_GUARDED_BY(mutex_);
  int clears_ OKO_GUARDED_BY(mutex_) = 0;
  std::optional<Padding> padding_ OKO_GUARDED_BY(mutex_);  ///< none: not known yet
  net::ByteRanges unrecorded_
      OKO_GUARDED_BY(mutex_);  ///< written since the last line of the journal
};

}  // namespace oko::hub
