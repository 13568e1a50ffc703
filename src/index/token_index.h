#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "index/library.h"
#include "index/sqlite_database.h"
#include "models/bge_m3/encoding.h"

namespace oko::index {

/// The ColBERT vectors of the chunks' tokens, in a table of SQLite: 4 bits a number.
class TokenIndex {
 public:
  explicit TokenIndex(SqliteDatabase& database);

  void add(ChunkId chunk, const models::bge_m3::TokenVectors& vectors);

  /// As Store::colbert_scores.
  std::vector<float> scores(const models::bge_m3::TokenVectors& query,
                            std::span<const ChunkId> chunks);

 private:
  SqliteStatement insert_, select_;
};

}  // namespace oko::index
