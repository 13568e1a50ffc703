#include "index/sqlite_schema.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <random>

#include "base/error.h"
#include "base/localized_text.h"
#include "index/library_failure.h"
#include "index/row_checksum.h"
#include "index/stored_vector.h"
#include "index/words_tokenizer.h"

namespace oko::index {
namespace {

constexpr std::int64_t kApplicationId = 0x6f6b6f31;  // "oko1", in the header of the file

// A document's chunks have ids from first_chunk on. Vectors are the truth that the file of codes is
// made from. `words` keeps no text: it is in `chunks`. The forms of words are never removed: a form
// without chunks finds nothing. `checksum`: a RowChecksum of the row's values, of documents without
// those that change with their chunks.
constexpr const char* kSchema = R"(
CREATE TABLE library(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE documents(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  path BLOB NOT NULL UNIQUE,
  kind INTEGER NOT NULL,
  size INTEGER NOT NULL,
  modified_ns INTEGER NOT NULL,
  hash BLOB NOT NULL,
  date INTEGER NOT NULL,
  title TEXT NOT NULL,
  pages INTEGER NOT NULL,
  error TEXT NOT NULL,
  first_chunk INTEGER NOT NULL,
  chunk_count INTEGER NOT NULL,
  checksum INTEGER NOT NULL);
CREATE INDEX documents_first_chunk ON documents(first_chunk, chunk_count);
CREATE TABLE chunks(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  document INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  page INTEGER NOT NULL,
  page_width INTEGER NOT NULL,
  page_height INTEGER NOT NULL,
  text TEXT NOT NULL,
  heading TEXT NOT NULL,
  lines BLOB NOT NULL,
  checksum INTEGER NOT NULL);
CREATE TABLE vectors(
  chunk INTEGER PRIMARY KEY, dense BLOB NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE token_vectors(
  chunk INTEGER PRIMARY KEY, codes BLOB NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE segments(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  level INTEGER NOT NULL,
  first_chunk INTEGER NOT NULL);
CREATE TABLE postings(
  segment INTEGER NOT NULL,
  token INTEGER NOT NULL,
  list BLOB NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY(segment, token)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(
  text, heading, content='chunks', content_rowid='id', tokenize='oko_words');
CREATE VIRTUAL TABLE word_counts USING fts5vocab('words', 'row');
CREATE TABLE forms(id INTEGER PRIMARY KEY, form TEXT NOT NULL UNIQUE);
CREATE VIRTUAL TABLE form_trigrams USING fts5(
  form, content='forms', content_rowid='id', tokenize='trigram');
)";

/// oko_checksum(VALUES...): RowChecksum of numbers, texts and blobs.
void checksum_function(sqlite3_context* context, int count, sqlite3_value** values) {
  RowChecksum checksum;
  for (int i = 0; i < count; ++i) {
    if (::sqlite3_value_type(values[i]) == SQLITE_INTEGER) {
      checksum.add(::sqlite3_value_int64(values[i]));
    } else {
      const auto* bytes = static_cast<const char*>(::sqlite3_value_blob(values[i]));
      const auto size = static_cast<std::size_t>(::sqlite3_value_bytes(values[i]));
      checksum.add(std::string_view(bytes == nullptr ? "" : bytes, size));
    }
  }
  ::sqlite3_result_int64(context, checksum.value());
}

/// To version 2.
void add_checksums(SqliteDatabase& database) {
  for (const TableChecksum& table : kTableChecksums) {
    database.run(
        fmt::format("ALTER TABLE {0} ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;"
                    "UPDATE {0} SET checksum = {1};",
                    table.name, table.checksum));
  }
}

std::string random_id() {
  std::random_device random;
  std::string id(16, '\0');
  for (char& byte : id) byte = static_cast<char>(random());
  return id;
}

/// Of what decides how queries and passages are encoded. `direction`: as it is stored.
std::int64_t query_checksum(const LibraryModel& model, std::string_view direction) {
  return RowChecksum().add(model.query_prefix).add(model.passage_prefix).add(direction).value();
}

/// False if the direction is damaged; none is none.
bool read_direction(const std::string& bytes, LibraryModel& model) {
  if (bytes.empty()) return true;
  if (bytes.size() != sizeof(float) + 2 * model.dimensions) return false;
  model.language_direction.resize(model.dimensions);
  return decode_stored_vector(bytes, model.language_direction);
}

}  // namespace

std::string LibraryHeader::whole_sql(std::string_view table) const {
  for (const TableChecksum& each : kTableChecksums) {
    if (has_checksums() && each.name == table) return fmt::format("checksum = {}", each.checksum);
  }
  return "1";
}

void create_schema(SqliteDatabase& database, const LibraryModel& model) {
  // Token vectors of a chunk are some ten kilobytes: larger pages make fewer pieces of them.
  database.run("PRAGMA page_size = 8192");
  database.run("PRAGMA journal_mode = WAL");
  SqliteTransaction transaction(database);
  if (!is_empty(database)) return;  // another process was faster
  database.run(kSchema);
  SqliteStatement insert(database, "INSERT INTO library(key, value) VALUES(?1, ?2)");
  insert.bind(1, "id").bind_blob(2, random_id()).run();
  insert.bind(1, "model").bind(2, model.name).run();
  insert.bind(1, "model_fingerprint").bind(2, model.fingerprint).run();
  insert.bind(1, "dimensions").bind(2, static_cast<std::int64_t>(model.dimensions)).run();
  insert.bind(1, "colbert_dimensions")
      .bind(2, static_cast<std::int64_t>(model.colbert_dimensions))
      .run();
  insert.bind(1, "has_sparse").bind(2, std::int64_t{model.has_sparse}).run();
  insert.bind(1, "kernels").bind(2, model.kernels).run();
  insert.bind(1, "words").bind(2, words_fingerprint()).run();
  insert.bind(1, "query_prefix").bind(2, model.query_prefix).run();
  insert.bind(1, "passage_prefix").bind(2, model.passage_prefix).run();
  std::string direction;
  if (!model.language_direction.empty()) {
    direction = encode_stored_vector(model.language_direction);
    insert.bind(1, "language_direction").bind_blob(2, direction).run();
  }
  insert.bind(1, "query_checksum").bind(2, query_checksum(model, direction)).run();
  database.run(fmt::format("PRAGMA application_id = {}", kApplicationId));
  database.run(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
  transaction.commit();
}

bool is_empty(SqliteDatabase& database) {
  return database.integer("SELECT count(*) FROM sqlite_schema") == 0;
}

LibraryHeader read_header(SqliteDatabase& database) {
  const std::string name = database.path().string();
  if (database.integer("PRAGMA application_id") != kApplicationId) {
    throw Error(ErrorCode::kBadInput,
                tr("{}: is a database of another program, not a library of oko",
                   "{}: это база данных другой программы, а не библиотека oko", name));
  }
  const std::int64_t version = database.integer("PRAGMA user_version");
  if (version > kSchemaVersion) {
    fail_newer_library(name, version, kSchemaVersion);
  }
  SqliteStatement select(database, "SELECT value FROM library WHERE key = ?1");
  const auto text = [&](std::string_view key) {
    select.bind(1, key);
    const std::string value(select.step() ? select.blob(0) : std::string_view{});
    select.reset();
    return value;
  };
  const auto number = [&](std::string_view key) {
    select.bind(1, key);
    const std::int64_t value = select.step() ? select.integer(0) : 0;
    select.reset();
    return value;
  };
  LibraryHeader header;
  header.version = static_cast<int>(version);
  header.id = text("id");
  header.model = {.name = text("model"),
                  .fingerprint = text("model_fingerprint"),
                  .dimensions = static_cast<std::size_t>(number("dimensions")),
                  .colbert_dimensions = static_cast<std::size_t>(number("colbert_dimensions")),
                  .has_sparse = number("has_sparse") != 0,
                  .kernels = text("kernels"),
                  .query_prefix = text("query_prefix"),
                  .passage_prefix = text("passage_prefix")};
  const std::string direction = text("language_direction");
  const std::int64_t checksum = number("query_checksum");  // 0: of an older oko
  const bool is_whole = read_direction(direction, header.model) &&
                        (checksum == 0 || checksum == query_checksum(header.model, direction));
  if (!is_whole || header.id.size() != 16 || header.model.dimensions == 0) {
    throw DamagedLibrary(tr("{}: the library is damaged: its header is not complete",
                            "{}: библиотека повреждена: её заголовок неполон", name));
  }
  return header;
}

void register_checksum(SqliteDatabase& database) {
  const int status = ::sqlite3_create_function_v2(
      database.handle(), "oko_checksum", -1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
      nullptr, checksum_function, nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) database.fail(status);
}

void migrate_schema(SqliteDatabase& database) {
  if (read_header(database).version == kSchemaVersion) return;
  SqliteTransaction transaction(database);
  const int version = read_header(database).version;
  if (version == kSchemaVersion) return;  // another process was faster
  if (version < 2) add_checksums(database);
  database.run(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
  transaction.commit();
}

void require_whole(const SqliteDatabase& database, bool is_whole) {
  if (is_whole) return;
  throw DamagedLibrary(tr("{}: the library is damaged: a part of it is not what was written",
                          "{}: библиотека повреждена: её часть не та, что была записана",
                          database.path().string()));
}

void update_words(SqliteDatabase& database) {
  SqliteTransaction transaction(database);
  SqliteStatement select(database, "SELECT value FROM library WHERE key = 'words'");
  const bool is_current = select.step() && select.text(0) == words_fingerprint();
  select.reset();
  if (is_current) return;
  database.run("INSERT INTO words(words) VALUES('rebuild')");
  SqliteStatement(database, "UPDATE library SET value = ?1 WHERE key = 'words'")
      .bind(1, words_fingerprint())
      .run();
  transaction.commit();
}

}  // namespace oko::index
