#include "index/sqlite_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include "base/file.h"
#include "index/dense_index.h"
#include "index/document_heading.h"
#include "index/library_failure.h"
#include "index/line_places.h"
#include "index/same_model.h"
#include "index/sparse_index.h"
#include "index/token_index.h"
#include "index/word_index.h"
#include "index/words_tokenizer.h"

namespace oko::index {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDocumentColumns =
    "id, path, kind, size, modified_ns, hash, date, title, pages, error";
constexpr std::string_view kChunkColumns =
    "id, document, origin, page, page_width, page_height, text, lines";

/// Codes and postings of so many chunks of a long document stay in memory: some 10 MB.
constexpr std::size_t kMostUnflushed = 4096;

std::string_view bytes_of(const ContentHash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

/// Binds the first nine parameters.
void bind_document(SqliteStatement& statement, const Document& document) {
  statement.bind_blob(1, document.path)
      .bind(2, std::int64_t{static_cast<int>(document.kind)})
      .bind(3, static_cast<std::int64_t>(document.size_bytes))
      .bind(4, document.modified_ns)
      .bind_blob(5, bytes_of(document.hash))
      .bind(6, document.date)
      .bind(7, document.title)
      .bind(8, std::int64_t{document.pages})
      .bind(9, document.error);
}

bool is_same(const Filter& a, const Filter& b) {
  return a.path == b.path && a.kinds == b.kinds && a.from_date == b.from_date &&
         a.to_date == b.to_date;
}

}  // namespace

SqliteStore::SqliteStore(std::unique_ptr<SqliteDatabase> database)
    : database_(std::move(database)) {
  register_words_tokenizer(*database_);
  register_checksum(*database_);
  header_ = read_header(*database_);
  dense_ = std::make_unique<DenseIndex>(*database_, header_);
  sparse_ = std::make_unique<SparseIndex>(*database_, header_);
  tokens_ = std::make_unique<TokenIndex>(*database_, header_);
  words_ = std::make_unique<WordIndex>(*database_);
}

SqliteStore::~SqliteStore() = default;

std::unique_ptr<SqliteStore> SqliteStore::open(const fs::path& path) {
  if (!has_entry(path)) fail_no_library(path.string());
  auto database = std::make_unique<SqliteDatabase>(path, SqliteDatabase::Access::kRead);
  if (is_empty(*database)) fail_no_library(path.string());
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(database)));
}

std::unique_ptr<SqliteStore> SqliteStore::open_or_create(const fs::path& path,
                                                         const LibraryModel& model,
                                                         const LearnModel& learn) {
  auto database = std::make_unique<SqliteDatabase>(path, SqliteDatabase::Access::kCreate);
  register_words_tokenizer(*database);
  register_checksum(*database);
  if (is_empty(*database)) {
    LibraryModel learned = model;
    if (learn) learn(learned);
    create_schema(*database, learned);
  }
  migrate_schema(*database);
  update_words(*database);
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(database)));
  require_same_model(store->model(), model, path.string());
  store->repair_vectors();
  return store;
}

LibraryCounts SqliteStore::counts() {
  LibraryCounts counts;
  SqliteStatement select(*database_, "SELECT count(*), sum(error <> '') FROM documents");
  if (select.step()) {
    counts.failed_documents = static_cast<std::uint64_t>(select.integer(1));
    counts.documents = static_cast<std::uint64_t>(select.integer(0)) - counts.failed_documents;
    counts.chunks = chunks_in({}).count();
  }
  counts.bytes = static_cast<std::uint64_t>(database_->integer("PRAGMA page_count") *
                                            database_->integer("PRAGMA page_size")) +
                 dense_->file_bytes();
  return counts;
}

std::string SqliteStore::document_columns() const {
  return fmt::format("{}, {}", kDocumentColumns, header_.whole_sql("documents"));
}

/// A document of a row that begins with `document_columns`.
KnownDocument SqliteStore::document_of(const SqliteStatement& row) const {
  require_whole(*database_, row.integer(10) != 0);
  KnownDocument known;
  known.id = row.integer(0);
  Document& document = known.document;
  document.path = row.blob(1);
  document.kind = static_cast<DocumentKind>(row.integer(2));
  document.size_bytes = static_cast<std::uint64_t>(row.integer(3));
  document.modified_ns = row.integer(4);
  const std::string_view hash = row.blob(5);
  std::memcpy(document.hash.data(), hash.data(), std::min(hash.size(), document.hash.size()));
  document.date = row.integer(6);
  document.title = row.text(7);
  document.pages = static_cast<int>(row.integer(8));
  document.error = row.text(9);
  return known;
}

std::string SqliteStore::chunk_columns() const {
  return fmt::format("{}, {}", kChunkColumns, header_.whole_sql("chunks"));
}

/// A chunk of a row that begins with `chunk_columns`.
StoredChunk SqliteStore::chunk_of(const SqliteStatement& row) const {
  require_whole(*database_, row.integer(8) != 0);
  return {.id = row.integer(0),
          .document = row.integer(1),
          .chunk = {.text = std::string(row.text(6)),
                    .origin = static_cast<TextOrigin>(row.integer(2)),
                    .page = static_cast<int>(row.integer(3)),
                    .page_width = static_cast<int>(row.integer(4)),
                    .page_height = static_cast<int>(row.integer(5)),
                    .lines = decode_lines(row.blob(7))}};
}

void SqliteStore::visit_documents(const std::function<void(const KnownDocument&)>& visit) {
  SqliteStatement select(*database_,
                         fmt::format("SELECT {} FROM documents ORDER BY path", document_columns()));
  while (select.step()) visit(document_of(select));
}

template <typename Write>
auto SqliteStore::in_transaction(const Write& write) {
  if (!transaction_) transaction_.emplace(*database_);
  all_chunks_.reset();
  filtered_.reset();
  try {
    return write();
  } catch (...) {
    undo();
    throw;
  }
}

DocumentId SqliteStore::put(const Document& document, std::span<const EncodedChunk> chunks) {
  for (const EncodedChunk& chunk : chunks) require_fitting(header_.model, chunk);
  return in_transaction([&] {
    const DocumentId id = put_document(document);
    add_chunks(id, chunks, heading_of(document));
    return id;
  });
}

void SqliteStore::append(DocumentId id, std::span<const EncodedChunk> chunks) {
  for (const EncodedChunk& chunk : chunks) require_fitting(header_.model, chunk);
  in_transaction([&] {
    add_chunks(id, chunks, {});
    unflushed_chunks_ += chunks.size();
    if (unflushed_chunks_ >= kMostUnflushed) flush();
  });
}

/// Writes what waits in memory, within the transaction.
void SqliteStore::flush() {
  const ChunkSet& live = chunks_in({});
  sparse_->flush([&](ChunkId chunk) { return live.contains(chunk); });
  dense_->flush(live);
  unflushed_chunks_ = 0;
}

/// The document without chunks.
DocumentId SqliteStore::put_document(const Document& document) {
  SqliteStatement find(*database_, "SELECT id FROM documents WHERE path = ?1");
  find.bind_blob(1, document.path);
  const DocumentId known = find.step() ? find.integer(0) : 0;
  find.reset();
  if (known != 0) remove_chunks(known);
  SqliteStatement write(
      *database_,
      known == 0
          ? "INSERT INTO documents(path, kind, size, modified_ns, hash, date, title, pages, error,"
            " checksum, first_chunk, chunk_count) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
            " oko_checksum(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9), 0, 0)"
          : "UPDATE documents SET path = ?1, kind = ?2, size = ?3, modified_ns = ?4, hash = ?5,"
            " date = ?6, title = ?7, pages = ?8, error = ?9,"
            " checksum = oko_checksum(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9),"
            " first_chunk = 0, chunk_count = 0 WHERE id = ?10");
  bind_document(write, document);
  if (known != 0) write.bind(10, known);
  write.run();
  return known != 0 ? known : database_->last_id();
}

/// `heading`: of the first of them.
void SqliteStore::add_chunks(DocumentId id, std::span<const EncodedChunk> chunks,
                             std::string_view heading) {
  ChunkId first = 0;
  for (const EncodedChunk& chunk : chunks) {
    const ChunkId added = add_chunk(id, chunk, first == 0 ? heading : std::string_view{});
    if (first == 0) first = added;
  }
  SqliteStatement(*database_,
                  "UPDATE documents SET chunk_count = chunk_count + ?2,"
                  " first_chunk = iif(first_chunk = 0, ?1, first_chunk) WHERE id = ?3")
      .bind(1, first)
      .bind(2, static_cast<std::int64_t>(chunks.size()))
      .bind(3, id)
      .run();
}

ChunkId SqliteStore::add_chunk(DocumentId document, const EncodedChunk& encoded,
                               std::string_view heading) {
  const Chunk& chunk = encoded.chunk;
  if (!insert_chunk_) {
    insert_chunk_.emplace(*database_,
                          "INSERT INTO chunks(document, origin, page, page_width, page_height,"
                          " text, heading, lines, checksum) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                          " oko_checksum(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8))");
  }
  insert_chunk_->bind(1, document)
      .bind(2, std::int64_t{static_cast<int>(chunk.origin)})
      .bind(3, std::int64_t{chunk.page})
      .bind(4, std::int64_t{chunk.page_width})
      .bind(5, std::int64_t{chunk.page_height})
      .bind(6, chunk.text)
      .bind(7, heading)
      .bind_blob(8, encode_lines(chunk.lines))
      .run();
  const ChunkId id = database_->last_id();
  dense_->add(id, encoded.encoding.dense);
  sparse_->add(id, encoded.encoding.sparse);
  tokens_->add(id, encoded.encoding.colbert);
  words_->add(id, chunk.text, heading);
  return id;
}

void SqliteStore::remove_chunks(DocumentId document) {
  SqliteStatement place(*database_, "SELECT first_chunk, chunk_count FROM documents WHERE id = ?1");
  place.bind(1, document);
  if (!place.step() || place.integer(0) == 0) return;
  const ChunkId first = place.integer(0), last = first + place.integer(1) - 1;
  place.reset();
  SqliteStatement sharer(*database_, "SELECT 1 FROM documents WHERE first_chunk = ?1 AND id <> ?2");
  sharer.bind(1, first).bind(2, document);
  const bool is_shared = sharer.step();
  sharer.reset();
  if (is_shared) return pass_chunks_on(document, first, last);
  SqliteStatement select(*database_, fmt::format("SELECT id, text, heading, {} FROM chunks"
                                                 " WHERE id BETWEEN ?1 AND ?2",
                                                 header_.whole_sql("chunks")));
  select.bind(1, first).bind(2, last);
  while (select.step()) {
    require_whole(*database_, select.integer(3) != 0);  // FTS5 needs the words that it has
    words_->remove(select.integer(0), select.text(1), select.text(2));
  }
  for (const char* sql : {"DELETE FROM chunks WHERE id BETWEEN ?1 AND ?2",
                          "DELETE FROM vectors WHERE chunk BETWEEN ?1 AND ?2",
                          "DELETE FROM token_vectors WHERE chunk BETWEEN ?1 AND ?2"}) {
    SqliteStatement(*database_, sql).bind(1, first).bind(2, last).run();
  }
}

/// Leaves the chunks of a document to those that share them.
void SqliteStore::pass_chunks_on(DocumentId document, ChunkId first, ChunkId last) {
  SqliteStatement(*database_,
                  fmt::format("UPDATE chunks SET document = d.id, checksum = oko_checksum(d.id,"
                              " origin, page, page_width, page_height, text, heading, lines)"
                              " FROM (SELECT min(id) AS id FROM documents"
                              " WHERE first_chunk = ?1 AND id <> ?3) AS d"
                              " WHERE chunks.id BETWEEN ?1 AND ?2 AND {}",
                              header_.whole_sql("chunks")))
      .bind(1, first)
      .bind(2, last)
      .bind(3, document)
      .run();
  write_heading(first, document);
}

/// True if the heading of chunk `first` has `part`, as a sharer of the same name gave it.
bool SqliteStore::has_heading(ChunkId first, const std::string& part) {
  SqliteStatement select(*database_, "SELECT heading FROM chunks WHERE id = ?1");
  select.bind(1, first);
  return select.step() &&
         fmt::format(" {} ", select.text(0)).find(fmt::format(" {} ", part)) != std::string::npos;
}

/// The heading of chunk `first`: that of the documents that share it, but `without`.
void SqliteStore::write_heading(ChunkId first, DocumentId without) {
  std::set<std::string> parts;
  SqliteStatement sharers(
      *database_, fmt::format("SELECT {} FROM documents WHERE first_chunk = ?1 AND id <> ?2",
                              document_columns()));
  sharers.bind(1, first).bind(2, without);
  while (sharers.step()) parts.insert(heading_of(document_of(sharers).document));
  const std::string heading = fmt::format("{}", fmt::join(parts, " "));
  SqliteStatement select(*database_,
                         fmt::format("SELECT text, heading, {} FROM chunks WHERE id = ?1",
                                     header_.whole_sql("chunks")));
  select.bind(1, first);
  if (!select.step()) return;
  require_whole(*database_, select.integer(2) != 0);
  if (select.text(1) == heading) return;
  const std::string text(select.text(0));
  words_->remove(first, text, select.text(1));
  select.reset();
  SqliteStatement(*database_,
                  "UPDATE chunks SET heading = ?1, checksum = oko_checksum(document, origin, page,"
                  " page_width, page_height, text, ?1, lines) WHERE id = ?2")
      .bind(1, heading)
      .bind(2, first)
      .run();
  words_->add(first, text, heading);
}

void SqliteStore::move(DocumentId id, const Document& document) {
  in_transaction([&] { move_rows(id, document); });
}

void SqliteStore::move_rows(DocumentId id, const Document& document) {
  SqliteStatement write(*database_,
                        "UPDATE documents SET path = ?1, kind = ?2, size = ?3, modified_ns = ?4,"
                        " hash = ?5, date = ?6, title = ?7, pages = ?8, error = ?9,"
                        " checksum = oko_checksum(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                        " WHERE id = ?10 RETURNING first_chunk");
  bind_document(write, document);
  write.bind(10, id);
  const ChunkId first = write.step() ? write.integer(0) : 0;
  write.reset();
  if (first != 0) write_heading(first, 0);
}

DocumentId SqliteStore::copy(DocumentId id, const Document& document) {
  return in_transaction([&] {
    SqliteStatement source(*database_,
                           "SELECT first_chunk, chunk_count, path FROM documents WHERE id = ?1");
    source.bind(1, id);
    if (!source.step() || source.integer(0) == 0) return DocumentId{0};
    const ChunkId first = source.integer(0);
    const std::int64_t count = source.integer(1);
    const bool is_itself = source.blob(2) == document.path;
    source.reset();
    if (is_itself) {
      move_rows(id, document);
      return id;
    }
    const DocumentId added = put_document(document);
    SqliteStatement(*database_,
                    "UPDATE documents SET first_chunk = ?1, chunk_count = ?2 WHERE id = ?3")
        .bind(1, first)
        .bind(2, count)
        .bind(3, added)
        .run();
    if (!has_heading(first, heading_of(document))) write_heading(first, 0);
    return added;
  });
}

std::vector<KnownDocument> SqliteStore::copies(DocumentId id) {
  SqliteStatement select(
      *database_, fmt::format("SELECT {} FROM documents WHERE first_chunk > 0 AND first_chunk ="
                              " (SELECT first_chunk FROM documents WHERE id = ?1) AND id <> ?1"
                              " ORDER BY path",
                              document_columns()));
  select.bind(1, id);
  std::vector<KnownDocument> found;
  while (select.step()) found.push_back(document_of(select));
  return found;
}

void SqliteStore::remove(DocumentId id) {
  in_transaction([&] {
    remove_chunks(id);
    SqliteStatement(*database_, "DELETE FROM documents WHERE id = ?1").bind(1, id).run();
  });
}

void SqliteStore::commit() {
  if (!transaction_) return;
  in_transaction([&] {
    flush();
    transaction_->commit();
  });
  transaction_.reset();
  dense_->remove_old_files();
}

void SqliteStore::repair_vectors() {
  if (dense_->is_current()) return;
  in_transaction([&] {
    dense_->flush(chunks_in({}), true);
    transaction_->commit();
  });
  transaction_.reset();
  dense_->remove_old_files();
}

void SqliteStore::undo() {
  transaction_.reset();
  unflushed_chunks_ = 0;
  sparse_->forget();
  dense_->forget();
  words_->forget();
  all_chunks_.reset();
  filtered_.reset();
}

const ChunkSet& SqliteStore::chunks_in(const Filter& filter) {
  const std::int64_t version = database_->integer("PRAGMA data_version");
  if (std::exchange(data_version_, version) != version) {
    all_chunks_.reset();
    filtered_.reset();
  }
  if (filter.empty()) {
    if (!all_chunks_) {
      all_chunks_.emplace();
      SqliteStatement select(*database_,
                             "SELECT DISTINCT first_chunk, chunk_count FROM documents"
                             " ORDER BY first_chunk");
      while (select.step()) all_chunks_->add(select.integer(0), select.integer(1));
    }
    return *all_chunks_;
  }
  if (!filtered_ || !is_same(filtered_->first, filter)) {
    filtered_.emplace(filter, ChunkSet{});
    SqliteStatement select(*database_,
                           fmt::format("SELECT {}, first_chunk, chunk_count FROM documents"
                                       " ORDER BY first_chunk",
                                       document_columns()));
    for (ChunkId added = 0; select.step();) {
      if (select.integer(11) == added || !matches(filter, document_of(select).document)) continue;
      added = select.integer(11);
      filtered_->second.add(added, select.integer(12));
    }
  }
  return filtered_->second;
}

std::vector<ScoredChunk> SqliteStore::find_dense(std::span<const float> query, std::size_t count,
                                                 const Filter& filter) {
  return dense_->find(query, count, chunks_in(filter));
}

std::vector<ScoredChunk> SqliteStore::find_sparse(const models::bge_m3::SparseVector& query,
                                                  std::size_t count, const Filter& filter) {
  const ChunkSet& wanted = chunks_in(filter);
  return sparse_->find(query, count, [&](ChunkId chunk) { return wanted.contains(chunk); });
}

std::vector<ScoredChunk> SqliteStore::find_words(std::string_view query, std::size_t count,
                                                 const Filter& filter) {
  const std::uint64_t all = chunks_in({}).count();
  return words_->find(query, count, all, chunks_in(filter));
}

std::vector<float> SqliteStore::dense_scores(std::span<const float> query,
                                             std::span<const ChunkId> chunks) {
  return dense_->scores(query, chunks);
}

bool SqliteStore::has_telling_words(std::string_view query) {
  return words_->has_telling_words(query, chunks_in({}).count());
}

std::vector<std::string> SqliteStore::terms_of(std::string_view query) {
  return words_->terms_of(query, chunks_in({}).count());
}

std::vector<float> SqliteStore::colbert_scores(const models::bge_m3::TokenVectors& query,
                                               std::span<const ChunkId> chunks) {
  return tokens_->scores(query, chunks);
}

std::vector<StoredChunk> SqliteStore::chunks(std::span<const ChunkId> ids) {
  SqliteStatement select(*database_,
                         fmt::format("SELECT {} FROM chunks WHERE id = ?1", chunk_columns()));
  std::vector<StoredChunk> found;
  for (const ChunkId id : ids) {
    select.bind(1, id);
    if (select.step()) found.push_back(chunk_of(select));
    select.reset();
  }
  return found;
}

std::vector<StoredChunk> SqliteStore::chunks_of(DocumentId id) {
  SqliteStatement select(
      *database_,
      fmt::format("SELECT {} FROM chunks WHERE id >= (SELECT first_chunk FROM documents"
                  " WHERE id = ?1) AND id < (SELECT first_chunk + chunk_count FROM documents"
                  " WHERE id = ?1) ORDER BY id",
                  chunk_columns()));
  select.bind(1, id);
  std::vector<StoredChunk> found;
  while (select.step()) found.push_back(chunk_of(select));
  return found;
}

std::vector<KnownDocument> SqliteStore::documents(std::span<const DocumentId> ids) {
  SqliteStatement select(*database_,
                         fmt::format("SELECT {} FROM documents WHERE id = ?1", document_columns()));
  std::vector<KnownDocument> found;
  for (const DocumentId id : ids) {
    select.bind(1, id);
    if (select.step()) found.push_back(document_of(select));
    select.reset();
  }
  return found;
}

std::string SqliteStore::note(std::string_view key) {
  SqliteStatement select(*database_, "SELECT value FROM library WHERE key = 'note ' || ?1");
  select.bind(1, key);
  return select.step() ? std::string(select.text(0)) : std::string();
}

void SqliteStore::set_note(std::string_view key, std::string_view text) {
  in_transaction([&] {
    SqliteStatement(*database_,
                    "INSERT OR REPLACE INTO library(key, value) VALUES('note ' || ?1, ?2)")
        .bind(1, key)
        .bind(2, text)
        .run();
  });
}

}  // namespace oko::index
