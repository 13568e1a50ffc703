#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "index/library.h"
#include "index/postings.h"
#include "index/sqlite_database.h"
#include "index/sqlite_schema.h"
#include "models/bge_m3/encoding.h"

namespace oko::index {

/// The inverted index of sparse vectors, in tables of SQLite. The chunks of one `flush` are a
/// segment with a list a token; eight segments of a level become one of the next (a log-structured
/// merge), so a search reads few lists and each posting is written few times.
class SparseIndex {
 public:
  SparseIndex(SqliteDatabase& database, const LibraryHeader& header);

  /// Chunks come by rising id. Others see them after `flush`.
  void add(ChunkId chunk, const models::bge_m3::SparseVector& vector);
  /// Writes what was added. `is_live`: chunks that a merge keeps.
  void flush(const std::function<bool(ChunkId)>& is_live);
  /// To be called when a transaction was undone.
  void forget() { added_.clear(); }

  /// As Store::find_sparse.
  std::vector<ScoredChunk> find(const models::bge_m3::SparseVector& query, std::size_t count,
                                const std::function<bool(ChunkId)>& is_wanted);

 private:
  std::int64_t add_segment(int level, ChunkId first_chunk);
  void write_list(std::int64_t segment, std::int32_t token, std::span<const Posting> list);
  std::vector<std::int64_t> segments_of(int level);
  void merge(const std::vector<std::int64_t>& segments, int level,
             const std::function<bool(ChunkId)>& is_live);
  std::string lists_sql(std::string_view condition) const;
  /// Calls `visit` for each posting of the list in a row of `lists_sql`.
  template <typename Visit>
  void read_list(const SqliteStatement& row, const Visit& visit) const;

  SqliteDatabase& database_;
  bool has_checksums_;
  std::optional<SqliteStatement> insert_;  ///< of a writer
  std::map<std::int32_t, std::vector<Posting>> added_;
};

}  // namespace oko::index
