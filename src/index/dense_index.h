#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "index/chunk_set.h"
#include "index/library.h"
#include "index/sqlite_database.h"
#include "index/sqlite_schema.h"
#include "index/vector_file.h"

namespace oko::index {

/// Exact search by dense vectors. The table `vectors` has them in 16 bits a number. The kernels
/// scan codes of 8 bits in a file beside the database, and the best of these are scored again by
/// the table's vectors. The file is made from the table: where it does not match, a writer makes it
/// anew, and a reader reads all vectors of the table at each search, in little memory.
class DenseIndex {
 public:
  DenseIndex(SqliteDatabase& database, const LibraryHeader& header);
  ~DenseIndex();

  static constexpr std::uint64_t kPartBytes = 4 << 20;

  /// For a writer that begins: true if the file is that of the table and no damage is seen. Damage
  /// is looked for in
  ///   - the header and the size: always;
  ///   - all rows: if the file was not modified last by the `flush` that the database knows, so it
  ///     was copied, restored or written by others, or its writer was killed;
  ///   - `part_bytes` of the rows, from a random one on: otherwise. A small file is read wholly, a
  ///     large one by and by, since bits that a disk loses change no time of modification;
  ///   - rows that are candidates of a search: by each search (`find`).
  bool is_current(std::uint64_t part_bytes = kPartBytes) const;

  /// Chunks come by rising id. Others see them after `flush` and the commit of the transaction.
  void add(ChunkId chunk, std::span<const float> vector);
  /// Brings the file up to date, in the transaction of `add`. A file of which most chunks are not
  /// `live` is made anew, and so is any if `is_anew`.
  void flush(const ChunkSet& live, bool is_anew = false);
  /// To be called when a transaction was undone.
  void forget();
  /// After the commit: removes the files that `flush` has replaced.
  void remove_old_files();

  /// As Store::find_dense, among `wanted`.
  std::vector<ScoredChunk> find(std::span<const float> query, std::size_t count,
                                const ChunkSet& wanted);
  /// As Store::dense_scores.
  std::vector<float> scores(std::span<const float> query, std::span<const ChunkId> chunks);

  /// Of the file on the disk.
  std::uint64_t file_bytes() const;

 private:
  class Rows;

  VectorFileState read_state() const;
  std::filesystem::path path_of(std::uint64_t generation) const;
  std::string vectors_sql(std::string_view condition) const;
  void decode_row(const SqliteStatement& row, std::span<float> vector) const;
  bool read_vector(ChunkId chunk, std::span<float> vector);
  std::unique_ptr<VectorFileWriter> make_file(VectorFileState& state);
  const Rows* rows();
  std::vector<ScoredChunk> find_in_table(std::span<const float> query, std::size_t count,
                                         const ChunkSet& wanted);

  SqliteDatabase& database_;
  LibraryId library_{};
  std::size_t dimensions_;
  bool has_checksums_;
  std::optional<SqliteStatement> insert_;  ///< of a writer
  SqliteStatement select_;
  std::vector<std::uint8_t> added_codes_;
  std::vector<VectorRow> added_;  ///< without codes: those of row i are at i · dimensions
  std::unique_ptr<VectorFileWriter> writer_;
  std::uint64_t written_generation_ = 0;
  std::unique_ptr<Rows> rows_;      ///< null: the file does not match, or was not opened yet
  std::int64_t data_version_ = -1;  ///< of `rows_`
};

}  // namespace oko::index
