#include "index/dense_index.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "index/stored_vector.h"
#include "index/vector_codes.h"

namespace oko::index {
namespace {

/// Candidates by codes of 8 bits for each of the best by the vectors themselves.
constexpr std::size_t kCandidates = 4;

}  // namespace

DenseIndex::DenseIndex(SqliteDatabase& database, std::size_t dimensions)
    : database_(database),
      dimensions_(dimensions),
      insert_(database, "INSERT INTO vectors(chunk, dense) VALUES(?1, ?2)"),
      select_(database, "SELECT dense FROM vectors WHERE chunk = ?1") {}

void DenseIndex::add(ChunkId chunk, std::span<const float> vector) {
  insert_.bind(1, chunk).bind_blob(2, encode_stored_vector(vector)).run();
  data_version_ = -1;
}

void DenseIndex::load_codes() {
  const std::int64_t version = database_.integer("PRAGMA data_version");
  if (std::exchange(data_version_, version) == version) return;
  codes_.clear();
  scales_.clear();
  chunks_.clear();
  std::vector<float> vector(dimensions_);
  SqliteStatement select(database_, "SELECT chunk, dense FROM vectors ORDER BY chunk");
  while (select.step()) {
    if (!decode_stored_vector(select.blob(1), vector)) continue;
    codes_.resize(codes_.size() + dimensions_);
    scales_.push_back(encode_vector(vector, std::span(codes_).last(dimensions_)));
    chunks_.push_back(select.integer(0));
  }
}

std::vector<std::uint64_t> DenseIndex::rows_in(const ChunkSet& wanted) const {
  std::vector<std::uint64_t> bits((chunks_.size() + 63) / 64);
  auto row = chunks_.begin();
  for (const ChunkSet::Range& range : wanted.ranges()) {
    row = std::lower_bound(row, chunks_.end(), range.first);
    for (; row != chunks_.end() && *row < range.last; ++row) {
      const auto index = static_cast<std::size_t>(row - chunks_.begin());
      bits[index / 64] |= std::uint64_t{1} << (index % 64);
    }
  }
  return bits;
}

bool DenseIndex::read_vector(ChunkId chunk, std::span<float> vector) {
  select_.bind(1, chunk);
  const bool is_there = select_.step() && decode_stored_vector(select_.blob(0), vector);
  select_.reset();
  return is_there;
}

std::vector<float> DenseIndex::scores(std::span<const float> query,
                                      std::span<const ChunkId> chunks) {
  std::vector<float> vector(query.size()), scores;
  for (const ChunkId chunk : chunks) {
    const bool is_there = read_vector(chunk, vector);
    scores.push_back(is_there ? std::inner_product(query.begin(), query.end(), vector.begin(), 0.0f)
                              : 0.0f);
  }
  return scores;
}

std::vector<ScoredChunk> DenseIndex::find(std::span<const float> query, std::size_t count,
                                          const ChunkSet& wanted) {
  load_codes();
  if (chunks_.empty() || count == 0) return {};
  const std::vector<ScoredRow> candidates =
      top_rows(view_of(codes_, scales_, dimensions_), query, kCandidates * count, rows_in(wanted));
  const std::vector<ScoredRow> best =
      rescore(candidates, query, count, [&](std::uint32_t row, std::span<float> vector) {
        return read_vector(chunks_[row], vector);
      });
  std::vector<ScoredChunk> found;
  for (const ScoredRow& row : best) found.push_back({chunks_[row.row], row.score});
  return found;
}

}  // namespace oko::index
