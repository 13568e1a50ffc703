#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "index/chunk_set.h"
#include "index/dense_scan.h"
#include "index/library.h"
#include "index/sqlite_database.h"

namespace oko::index {

/// Exact search by dense vectors. The table `vectors` has them in 16 bits a number. The kernels
/// scan codes of 8 bits, and the best of these are scored again by the table's vectors.
class DenseIndex {
 public:
  DenseIndex(SqliteDatabase& database, std::size_t dimensions);

  /// Chunks come by rising id. Others see them after the transaction.
  void add(ChunkId chunk, std::span<const float> vector);

  /// As Store::find_dense, among `wanted`.
  std::vector<ScoredChunk> find(std::span<const float> query, std::size_t count,
                                const ChunkSet& wanted);
  /// As Store::dense_scores.
  std::vector<float> scores(std::span<const float> query, std::span<const ChunkId> chunks);

 private:
  bool read_vector(ChunkId chunk, std::span<float> vector);
  void load_codes();
  std::vector<std::uint64_t> rows_in(const ChunkSet& wanted) const;

  SqliteDatabase& database_;
  std::size_t dimensions_;
  SqliteStatement insert_, select_;
  std::int64_t data_version_ = -1;  ///< of the codes
  std::vector<std::uint8_t> codes_;
  std::vector<float> scales_;
  std::vector<ChunkId> chunks_;  ///< of the rows, rising
};

}  // namespace oko::index
