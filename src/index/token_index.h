#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "index/library.h"
#include "index/sqlite_database.h"
#include "index/sqlite_schema.h"
#include "models/bge_m3/encoding.h"

namespace oko::index {

/// The ColBERT vectors of the chunks' tokens, in a table of SQLite: 4 bits a number.
class TokenIndex {
 public:
  TokenIndex(SqliteDatabase& database, const LibraryHeader& header);

  void add(ChunkId chunk, const models::bge_m3::TokenVectors& vectors);

  /// As Store::colbert_scores.
  std::vector<float> scores(const models::bge_m3::TokenVectors& query,
                            std::span<const ChunkId> chunks);

 private:
  const SqliteDatabase& database_;
  bool has_checksums_;
  std::optional<SqliteStatement> insert_;  ///< of a writer
  SqliteStatement select_;
  std::vector<std::uint8_t> codes_;  ///< of the chunk that was added last, for their memory
};

}  // namespace oko::index
