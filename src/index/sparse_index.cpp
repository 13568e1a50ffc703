#include "index/sparse_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "index/row_checksum.h"

namespace oko::index {
namespace {

constexpr std::size_t kFanIn = 8;

}  // namespace

SparseIndex::SparseIndex(SqliteDatabase& database, const LibraryHeader& header)
    : database_(database), has_checksums_(header.has_checksums()) {}

/// Selects segment, token, list and checksum of lists.
std::string SparseIndex::lists_sql(std::string_view condition) const {
  return fmt::format("SELECT segment, token, list, {} FROM postings WHERE {}",
                     has_checksums_ ? "checksum" : "0", condition);
}

template <typename Visit>
void SparseIndex::read_list(const SqliteStatement& row, const Visit& visit) const {
  const std::string_view list = row.blob(2);
  if (has_checksums_) {
    const RowChecksum checksum = RowChecksum().add(row.integer(0)).add(row.integer(1)).add(list);
    require_whole(database_, row.integer(3) == checksum.value());
  }
  PostingReader reader(list);
  for (Posting posting; reader.next(posting);) visit(posting);
  if (!reader.is_damaged()) return;
  throw DamagedLibrary(tr("{}: the library is damaged: a list of postings is not readable",
                          "{}: библиотека повреждена: список вхождений не читается",
                          database_.path().string()));
}

void SparseIndex::add(ChunkId chunk, const models::bge_m3::SparseVector& vector) {
  for (const auto& [token, weight] : vector) added_[token].push_back({chunk, weight});
}

void SparseIndex::flush(const std::function<bool(ChunkId)>& is_live) {
  if (added_.empty()) return;
  ChunkId first_chunk = added_.begin()->second.front().chunk;
  for (const auto& [token, list] : added_) first_chunk = std::min(first_chunk, list.front().chunk);
  const std::int64_t segment = add_segment(0, first_chunk);
  for (const auto& [token, list] : added_) write_list(segment, token, list);
  added_.clear();
  for (int level = 0;; ++level) {
    const std::vector<std::int64_t> segments = segments_of(level);
    if (segments.size() < kFanIn) return;
    merge(segments, level + 1, is_live);
  }
}

std::int64_t SparseIndex::add_segment(int level, ChunkId first_chunk) {
  SqliteStatement(database_, "INSERT INTO segments(level, first_chunk) VALUES(?1, ?2)")
      .bind(1, std::int64_t{level})
      .bind(2, first_chunk)
      .run();
  return database_.last_id();
}

void SparseIndex::write_list(std::int64_t segment, std::int32_t token,
                             std::span<const Posting> list) {
  if (!insert_) {
    insert_.emplace(database_,
                    "INSERT INTO postings(segment, token, list, checksum)"
                    " VALUES(?1, ?2, ?3, oko_checksum(?1, ?2, ?3))");
  }
  insert_->bind(1, segment).bind(2, std::int64_t{token}).bind_blob(3, encode_postings(list)).run();
}

std::vector<std::int64_t> SparseIndex::segments_of(int level) {
  std::vector<std::int64_t> segments;
  SqliteStatement select(database_,
                         "SELECT id FROM segments WHERE level = ?1 ORDER BY first_chunk");
  select.bind(1, std::int64_t{level});
  while (select.step()) segments.push_back(select.integer(0));
  return segments;
}

void SparseIndex::merge(const std::vector<std::int64_t>& segments, int level,
                        const std::function<bool(ChunkId)>& is_live) {
  SqliteStatement first(database_, "SELECT first_chunk FROM segments WHERE id = ?1");
  first.bind(1, segments.front());
  const std::int64_t merged = add_segment(level, first.step() ? first.integer(0) : 0);
  // One list of each segment is in memory at a time.
  std::vector<SqliteStatement> cursors;
  for (const std::int64_t segment : segments) {
    SqliteStatement& cursor =
        cursors.emplace_back(database_, lists_sql("segment = ?1 ORDER BY token"));
    if (!cursor.bind(1, segment).step()) cursors.pop_back();
  }
  std::vector<Posting> list;
  while (!cursors.empty()) {
    std::int64_t token = cursors.front().integer(1);
    for (const SqliteStatement& cursor : cursors) token = std::min(token, cursor.integer(1));
    list.clear();
    for (auto cursor = cursors.begin(); cursor != cursors.end();) {
      if (cursor->integer(1) != token) {
        ++cursor;
        continue;
      }
      read_list(*cursor, [&](const Posting& posting) {
        if (is_live(posting.chunk)) list.push_back(posting);
      });
      cursor = cursor->step() ? cursor + 1 : cursors.erase(cursor);
    }
    if (!list.empty()) write_list(merged, static_cast<std::int32_t>(token), list);
  }
  for (const std::int64_t segment : segments) {
    SqliteStatement(database_, "DELETE FROM postings WHERE segment = ?1").bind(1, segment).run();
    SqliteStatement(database_, "DELETE FROM segments WHERE id = ?1").bind(1, segment).run();
  }
}

std::vector<ScoredChunk> SparseIndex::find(const models::bge_m3::SparseVector& query,
                                           std::size_t count,
                                           const std::function<bool(ChunkId)>& is_wanted) {
  std::vector<std::int64_t> segments;
  SqliteStatement all(database_, "SELECT id FROM segments");
  while (all.step()) segments.push_back(all.integer(0));
  ScoreTable scores;
  SqliteStatement select(database_, lists_sql("segment = ?1 AND token = ?2"));
  for (const std::int64_t segment : segments) {
    for (const auto& [token, weight] : query) {
      select.bind(1, segment).bind(2, std::int64_t{token});
      if (select.step()) {
        read_list(select, [&, weight = weight](const Posting& posting) {
          scores.add(posting.chunk, weight * posting.weight);
        });
      }
      select.reset();
    }
  }
  return scores.best(count, is_wanted);
}

}  // namespace oko::index
