#include "index/dense_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <utility>

#include "base/localized_text.h"
#include "index/best_chunks.h"
#include "index/dense_scan.h"
#include "index/row_checksum.h"
#include "index/stored_vector.h"
#include "index/vector_codes.h"

namespace oko::index {
namespace {

namespace fs = std::filesystem;

/// Candidates by codes of 8 bits for each of the best by the vectors themselves.
constexpr std::size_t kCandidates = 4;
constexpr std::size_t kRowsAtOnce = 4096;  // of a file that is made anew
constexpr std::uint64_t kFewRows = 4096;   // a file of so few is not made anew for dead ones

}  // namespace

/// The rows of the file, with the chunks that they belong to.
class DenseIndex::Rows {
 public:
  explicit Rows(std::unique_ptr<VectorFile> file) : file_(std::move(file)) {}

  /// True if these rows of the file are as they were written.
  bool are_whole(std::span<const ScoredRow> rows) const {
    return std::none_of(rows.begin(), rows.end(), [&](const ScoredRow& row) {
      return file_->first_damaged(row.row, row.row + 1).has_value();
    });
  }

  CodeView view() const { return file_->view(); }

  ChunkId chunk_of(std::size_t row) const { return static_cast<ChunkId>(file_->id_of(row)); }

  /// A bit for each row whose chunk is wanted; empty if all are.
  std::vector<std::uint64_t> bits_of(const ChunkSet& wanted) const {
    const std::size_t count = view().rows;
    std::vector<std::uint64_t> bits((count + 63) / 64);
    std::size_t row = 0, all = 0;
    for (const ChunkSet::Range& range : wanted.ranges()) {
      const std::size_t first = first_from(range.first, row);
      row = first_from(range.last, first);
      all += row - first;
      set_bits(bits, first, row);
    }
    if (all == count) bits.clear();
    return bits;
  }

 private:
  static void set_bits(std::span<std::uint64_t> bits, std::size_t first, std::size_t last) {
    for (; first < last && first % 64 != 0; ++first)
      bits[first / 64] |= std::uint64_t{1} << (first % 64);
    for (; first + 64 <= last; first += 64) bits[first / 64] = ~std::uint64_t{0};
    for (; first < last; ++first) bits[first / 64] |= std::uint64_t{1} << (first % 64);
  }

  /// The first row, from `row` on, of a chunk >= `chunk`.
  std::size_t first_from(ChunkId chunk, std::size_t row) const {
    std::size_t end = view().rows;
    while (row < end) {
      const std::size_t middle = row + (end - row) / 2;
      if (chunk_of(middle) < chunk) {
        row = middle + 1;
      } else {
        end = middle;
      }
    }
    return row;
  }

  std::unique_ptr<VectorFile> file_;
};

DenseIndex::DenseIndex(SqliteDatabase& database, const LibraryHeader& header)
    : database_(database),
      dimensions_(header.model.dimensions),
      has_checksums_(header.has_checksums()),
      select_(database, vectors_sql("WHERE chunk = ?1")) {
  require_dimensions(dimensions_);
  std::memcpy(library_.data(), header.id.data(), std::min(library_.size(), header.id.size()));
}

DenseIndex::~DenseIndex() = default;

VectorFileState DenseIndex::read_state() const {
  const auto number = [&](const char* key) {
    return static_cast<std::uint64_t>(
        database_.integer(fmt::format("SELECT value FROM library WHERE key = '{}'", key)));
  };
  return {.library = library_,
          .dimensions = static_cast<std::uint32_t>(dimensions_),
          .generation = number("vector_generation"),
          .rows = number("vector_rows")};
}

fs::path DenseIndex::path_of(std::uint64_t generation) const {
  return fmt::format("{}-vectors-{}", database_.path().string(), generation);
}

std::uint64_t DenseIndex::file_bytes() const {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(path_of(read_state().generation), error);
  return error ? 0 : bytes;
}

/// Selects chunk, vector and checksum.
std::string DenseIndex::vectors_sql(std::string_view condition) const {
  return fmt::format("SELECT chunk, dense, {} FROM vectors {}", has_checksums_ ? "checksum" : "0",
                     condition);
}

void DenseIndex::decode_row(const SqliteStatement& row, std::span<float> vector) const {
  const std::string_view bytes = row.blob(1);
  if (has_checksums_) {
    require_whole(database_,
                  row.integer(2) == RowChecksum().add(row.integer(0)).add(bytes).value());
  }
  if (decode_stored_vector(bytes, vector)) return;
  throw DamagedLibrary(tr("{}: the library is damaged: a vector is not readable",
                          "{}: библиотека повреждена: вектор не читается",
                          database_.path().string()));
}

bool DenseIndex::is_current(std::uint64_t part_bytes) const {
  const VectorFileState state = read_state();
  VectorFileFault fault = VectorFileFault::kNone;
  const auto file = VectorFile::open(path_of(state.generation), state, fault);
  if (file == nullptr) return false;
  const std::int64_t left =
      database_.integer("SELECT value FROM library WHERE key = 'vector_modified_ns'");
  std::uint64_t rows = state.rows;
  if (file->modified_ns() == left) rows = std::min<std::uint64_t>(rows, part_bytes / dimensions_);
  std::random_device random;
  const std::uint64_t first =
      std::uniform_int_distribution<std::uint64_t>(0, state.rows - rows)(random);
  return !file->first_damaged(first, first + rows);
}

void DenseIndex::add(ChunkId chunk, std::span<const float> vector) {
  if (!insert_) {
    insert_.emplace(database_,
                    "INSERT INTO vectors(chunk, dense, checksum)"
                    " VALUES(?1, ?2, oko_checksum(?1, ?2))");
  }
  insert_->bind(1, chunk).bind_blob(2, encode_stored_vector(vector)).run();
  added_codes_.resize(added_codes_.size() + dimensions_);
  const float scale = encode_vector(vector, std::span(added_codes_).last(dimensions_));
  added_.push_back({.id = static_cast<std::uint64_t>(chunk), .scale = scale, .codes = {}});
}

std::unique_ptr<VectorFileWriter> DenseIndex::make_file(VectorFileState& state) {
  ++state.generation;
  state.rows = 0;
  auto writer = VectorFileWriter::create(path_of(state.generation), state);
  std::vector<float> vector(dimensions_);
  std::vector<std::uint8_t> codes(kRowsAtOnce * dimensions_);
  std::vector<VectorRow> rows;
  SqliteStatement select(database_, vectors_sql("ORDER BY chunk"));
  while (select.step()) {
    decode_row(select, vector);
    const auto place = std::span(codes).subspan(rows.size() * dimensions_, dimensions_);
    const float scale = encode_vector(vector, place);
    rows.push_back({static_cast<std::uint64_t>(select.integer(0)), scale, place});
    if (rows.size() < kRowsAtOnce) continue;
    writer->append(rows);
    rows.clear();
  }
  writer->append(rows);
  return writer;
}

void DenseIndex::flush(const ChunkSet& live, bool is_anew) {
  VectorFileState state = read_state();
  VectorFileFault fault = VectorFileFault::kNone;
  if (is_anew) writer_.reset();
  if (!is_anew && (!writer_ || written_generation_ != state.generation)) {
    writer_.reset();  // its lock
    writer_ = VectorFileWriter::open(path_of(state.generation), state, fault);
  }
  const std::uint64_t rows = state.rows + added_.size();
  if (!writer_ || rows > 2 * live.count() + kFewRows) {
    writer_.reset();
    writer_ = make_file(state);
  } else {
    for (std::size_t i = 0; i < added_.size(); ++i) {
      added_[i].codes = std::span(added_codes_).subspan(i * dimensions_, dimensions_);
    }
    writer_->append(added_);
  }
  added_.clear();
  added_codes_.clear();
  writer_->commit();
  written_generation_ = state.generation;
  SqliteStatement write(database_,
                        "INSERT INTO library(key, value) VALUES(?1, ?2)"
                        " ON CONFLICT(key) DO UPDATE SET value = excluded.value");
  write.bind(1, "vector_generation").bind(2, static_cast<std::int64_t>(state.generation)).run();
  write.bind(1, "vector_rows").bind(2, static_cast<std::int64_t>(writer_->rows())).run();
  write.bind(1, "vector_modified_ns").bind(2, writer_->modified_ns()).run();
  data_version_ = -1;
}

void DenseIndex::forget() {
  added_.clear();
  added_codes_.clear();
  writer_.reset();  // it may have rows that the database does not know
  data_version_ = -1;
}

void DenseIndex::remove_old_files() {
  std::error_code error;
  const fs::path current = path_of(written_generation_);
  const std::string prefix = path_of(0).filename().string();
  const std::string_view beginning = std::string_view(prefix).substr(0, prefix.size() - 1);
  fs::directory_iterator entry(fs::absolute(current).parent_path(), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path name = entry->path().filename();
    if (!name.string().starts_with(beginning) || name == current.filename()) continue;
    std::error_code ignored;
    fs::remove(entry->path(), ignored);
  }
}

/// The rows of the file; null if it does not match.
const DenseIndex::Rows* DenseIndex::rows() {
  const std::int64_t version = database_.integer("PRAGMA data_version");
  if (std::exchange(data_version_, version) == version) return rows_.get();
  VectorFileFault fault = VectorFileFault::kNone;
  std::unique_ptr<VectorFile> file;
  // A writer may replace the file between both steps.
  for (int attempt = 0; attempt < 2 && !file; ++attempt) {
    const VectorFileState state = read_state();
    file = VectorFile::open(path_of(state.generation), state, fault);
  }
  rows_ = file ? std::make_unique<Rows>(std::move(file)) : nullptr;
  return rows_.get();
}

bool DenseIndex::read_vector(ChunkId chunk, std::span<float> vector) {
  const SqliteReset reset(select_);
  if (!select_.bind(1, chunk).step()) return false;
  decode_row(select_, vector);
  return true;
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
  if (count == 0) return {};
  const Rows* rows = this->rows();
  if (rows == nullptr) return find_in_table(query, count, wanted);
  if (rows->view().rows == 0) return {};
  const std::vector<ScoredRow> candidates =
      top_rows(rows->view(), query, kCandidates * count, rows->bits_of(wanted));
  if (!rows->are_whole(candidates)) return find_in_table(query, count, wanted);
  const std::vector<ScoredRow> best =
      rescore(candidates, query, count, [&](std::uint32_t row, std::span<float> vector) {
        return read_vector(rows->chunk_of(row), vector);
      });
  std::vector<ScoredChunk> found;
  found.reserve(best.size());
  for (const ScoredRow& row : best) found.push_back({rows->chunk_of(row.row), row.score});
  return found;
}

/// Without the file, by the vectors themselves: reads those of all wanted chunks, one at a time.
std::vector<ScoredChunk> DenseIndex::find_in_table(std::span<const float> query, std::size_t count,
                                                   const ChunkSet& wanted) {
  BestChunks best(count);
  std::vector<float> vector(dimensions_);
  SqliteStatement select(database_, vectors_sql("WHERE chunk >= ?1 AND chunk < ?2 ORDER BY chunk"));
  for (const ChunkSet::Range& range : wanted.ranges()) {
    select.bind(1, range.first).bind(2, range.last);
    while (select.step()) {
      decode_row(select, vector);
      best.add({select.integer(0), static_cast<float>(exact_product(query, vector))});
    }
    select.reset();
  }
  return std::move(best).sorted();
}

}  // namespace oko::index
