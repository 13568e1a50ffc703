#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/mapped_file.h"
#include "index/dense_scan.h"

namespace oko::index {

/// A library's vectors in codes, in one file that only grows, mapped by searches. It is derived:
/// the library's database is the truth, and says on opening which file it expects. Layout, version
/// 1, little-endian:
///
///   header  16 KB: two slots of a VectorFileHeader, at 0 and 8192, written in turn; the valid one
///           with the larger sequence counts, so a torn write leaves the other
///   blocks  of kBlockRows rows: scales (f32), checksums (u32), ids (u64), codes (u8, rows by
///           dimensions), each for all rows of the block; the last block is a sparse one
///
/// Order of a write: rows behind the last one, then the header, then one sync of both, then the
/// caller commits the same number of rows in its database. So a kill or a power cut at any moment
/// leaves at least the rows that the database knows, whole; what is more is cut back, by the
/// header, on the next opening for writing. Rows below that number never change and the file is
/// never cut, so maps of other processes stay valid. A deleted row stays, and `top_rows` gets a
/// bitmap; to get rid of many, the caller writes a new generation under another name.
inline constexpr std::uint32_t kVectorFileVersion = 1;

using LibraryId = std::array<std::uint8_t, 16>;

/// What the database expects. The caller may also compare `VectorFile::id_of` of the last row.
struct VectorFileState {
  LibraryId library{};           ///< random, made with the database
  std::uint32_t dimensions = 0;  ///< as `require_dimensions`
  std::uint64_t generation = 0;  ///< of the file: another one each time that it is built anew
  std::uint64_t rows = 0;        ///< committed
};

/// Why a file cannot be used; the caller builds a new one from its database.
enum class VectorFileFault {
  kNone,
  kMissing,          ///< or empty, or cannot be mapped
  kDamaged,          ///< no valid header
  kOtherVersion,     ///< written by another version of oko
  kOtherLibrary,     ///< belongs to another database
  kOtherGeneration,  ///< not the one that the database names
  kOtherDimensions,
  kFewerRows,  ///< than the database has: cut, or older
};

/// "other_library"
const char* name_of(VectorFileFault fault);

/// Rows of a file, mapped read-only. Any thread may call. A file that others cut under it ends the
/// program with a message (base/vanished_pages.h).
class VectorFile {
 public:
  /// Null, with `fault` set, if the file is not that of `expected`. Looks at header and size only.
  static std::unique_ptr<VectorFile> open(const std::filesystem::path& path,
                                          const VectorFileState& expected, VectorFileFault& fault);

  /// The `expected.rows` rows, for as long as this lives.
  CodeView view() const;

  std::uint64_t id_of(std::uint64_t row) const;

  /// When the file was modified before it was opened.
  std::int64_t modified_ns() const { return file_.identity().modified_ns; }

  /// The first of rows [first, last) that is not what was written; nothing if all are. Reads them.
  std::optional<std::uint64_t> first_damaged(std::uint64_t first, std::uint64_t last) const;

 private:
  VectorFile(const std::filesystem::path& path, const VectorFileState& state);

  const std::byte* block(std::uint64_t row) const;

  MappedFile file_;
  VectorFileState state_;
};

/// A row to be written.
struct VectorRow {
  std::uint64_t id = 0;  ///< of the chunk
  float scale = 0.0f;    ///< of `encode_vector`
  std::span<const std::uint8_t> codes;
};

/// Appends to a file. One at a time, in all processes.
class VectorFileWriter {
 public:
  /// Makes an empty file at `path`; one that is there is replaced, and maps of it stay valid.
  /// `state.rows` is 0. Throws kFailed, kUnsupported (dimensions), kBusy.
  static std::unique_ptr<VectorFileWriter> create(const std::filesystem::path& path,
                                                  const VectorFileState& state);

  /// As VectorFile::open. A file with more rows than `expected` is cut back to them. Throws kFailed
  /// if it cannot be written, kBusy if another writer has it open.
  static std::unique_ptr<VectorFileWriter> open(const std::filesystem::path& path,
                                                const VectorFileState& expected,
                                                VectorFileFault& fault);
  ~VectorFileWriter();
  VectorFileWriter(const VectorFileWriter&) = delete;
  VectorFileWriter& operator=(const VectorFileWriter&) = delete;

  /// Rows that were appended, committed or not.
  std::uint64_t rows() const { return state_.rows; }

  /// Writes rows behind the last one. Throws kFailed, a full disk for one: none of them counts
  /// then, and the next call writes in their place.
  void append(std::span<const VectorRow> rows);

  /// Makes all appended rows durable. After it the caller commits `rows()` in its database. Throws
  /// kFailed.
  void commit();

  /// When the file was modified last. Throws kFailed.
  std::int64_t modified_ns() const;

 private:
  VectorFileWriter(std::filesystem::path path, int file, const VectorFileState& state,
                   std::uint64_t sequence);

  void append_to_block(std::span<const VectorRow> rows);
  void write(std::uint64_t offset, std::span<const std::byte> bytes);
  [[noreturn]] void fail(int error) const;

  std::filesystem::path path_;
  int file_ = -1;
  VectorFileState state_;
  std::uint64_t sequence_ = 0;  ///< of the header that is on the disk
};

}  // namespace oko::index
