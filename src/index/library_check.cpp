#include "index/library_check.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <map>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "index/library_failure.h"
#include "index/sqlite_database.h"
#include "index/sqlite_schema.h"
#include "index/words_tokenizer.h"

namespace oko::index {
namespace {

namespace fs = std::filesystem;

/// Without the right to write there is no way to compare the words of FTS5 with the texts.
bool can_write(const fs::path& library) {
  return ::access(library.c_str(), W_OK) == 0 &&
         ::access(fs::absolute(library).parent_path().c_str(), W_OK) == 0;
}

class Check {
 public:
  Check(const fs::path& library, bool is_writable)
      : database_(library,
                  is_writable ? SqliteDatabase::Access::kWrite : SqliteDatabase::Access::kRead) {
    if (is_empty(database_)) fail_no_library(library.string());
    register_words_tokenizer(database_);
    register_checksum(database_);
    header_ = read_header(database_);
    if (!header_.has_checksums()) {
      check_.not_compared.push_back(
          tr("{}: an older oko made it, without checksums, which the next oko index adds: of "
             "single texts and vectors nothing is known",
             "{}: её создал более старый oko, без контрольных сумм, их добавит следующий oko "
             "index: об отдельных текстах и векторах ничего не известно",
             library.string()));
    }
    if (!is_writable) {
      check_.not_compared.push_back(
          tr("{}: may not be written, so its words were not compared with the texts",
             "{}: запись запрещена, поэтому слова не сверены с текстами", library.string()));
    }
  }

  LibraryCheck run(bool is_writable, const StopToken& stop) {
    const StopCallback link(stop, [&] { ::sqlite3_interrupt(database_.handle()); });
    try {
      look_for_damage([&] { check_structure(); });
      for (const auto& [table, key] : {std::pair{"documents", "id"},
                                       {"chunks", "id"},
                                       {"vectors", "chunk"},
                                       {"token_vectors", "chunk"}}) {
        look_for_damage([&, table = table, key = key] { check_rows(table, key); });
      }
      look_for_damage([&] { check_postings(); });
      look_for_damage([&] { check_places(); });
      if (is_writable && check_.faults.empty()) {
        check_words();
        // The next writer then reads all rows of the file of vectors (DenseIndex::is_current).
        database_.run("DELETE FROM library WHERE key = 'vector_modified_ns'");
      }
    } catch (const Error&) {
      throw_if_stopped(stop);
      throw;
    }
    for (auto& [id, document] : documents_) check_.documents.push_back(std::move(document));
    return std::move(check_);
  }

 private:
  template <typename Look>
  void look_for_damage(const Look& look) {
    try {
      look();
    } catch (const DamagedLibrary& error) {
      check_.faults.push_back(error.message());
    }
  }

  void check_structure() {
    SqliteStatement select(database_, "PRAGMA integrity_check(10)");
    while (select.step()) {
      if (select.text(0) != "ok") check_.faults.emplace_back(std::string(select.text(0)));
    }
  }

  void check_rows(const char* table, const char* key) {
    SqliteStatement select(database_, fmt::format("SELECT {} FROM {} WHERE NOT ({})", key, table,
                                                  header_.whole_sql(table)));
    const bool is_of_documents = std::string_view(table) == "documents";
    while (select.step()) {
      is_of_documents ? add_document(select.integer(0)) : add_chunk(select.integer(0), table);
    }
  }

  void check_postings() {
    add_count(
        fmt::format("SELECT count(*) FROM postings WHERE NOT ({})", header_.whole_sql("postings")),
        "postings");
  }

  /// Each chunk belongs to one document, and has a vector.
  void check_places() {
    add_count(
        "SELECT count(*) FROM chunks c LEFT JOIN documents d ON d.id = c.document"
        " WHERE d.id IS NULL OR c.id < d.first_chunk OR c.id >= d.first_chunk + d.chunk_count",
        "chunks");
    add_count(
        "SELECT abs((SELECT count(*) FROM chunks) - (SELECT ifnull(sum(count), 0) FROM"
        " (SELECT max(chunk_count) AS count FROM documents WHERE first_chunk > 0"
        " GROUP BY first_chunk)))",
        "documents");
    add_count(
        "SELECT count(*) FROM (SELECT 1 FROM documents WHERE first_chunk > 0"
        " GROUP BY first_chunk HAVING min(chunk_count) <> max(chunk_count))",
        "documents");
    SqliteStatement select(database_,
                           "SELECT id FROM chunks WHERE id NOT IN (SELECT chunk FROM vectors)");
    while (select.step()) add_chunk(select.integer(0), "vectors");
  }

  /// It is asked as an insertion, which changes nothing.
  void check_words() {
    try {
      database_.run("INSERT INTO words(words, rank) VALUES('integrity-check', 1)");
      database_.run("INSERT INTO form_trigrams(form_trigrams, rank) VALUES('integrity-check', 1)");
    } catch (const DamagedLibrary&) {
      check_.are_words_damaged = true;
    }
  }

  void add_document(DocumentId id) {
    SqliteStatement select(database_, "SELECT first_chunk, path FROM documents WHERE id = ?1");
    if (!select.bind(1, id).step()) return;
    documents_[id] = {id, select.integer(0), std::string(select.blob(1))};
  }

  /// The documents of a chunk of which a row of `table` is damaged.
  void add_chunk(ChunkId chunk, const char* table) {
    SqliteStatement select(
        database_,
        "SELECT id, first_chunk, path FROM documents WHERE chunk_count > ?1 - first_chunk"
        " AND first_chunk = (SELECT max(first_chunk) FROM documents WHERE first_chunk <= ?1)");
    select.bind(1, chunk);
    bool is_found = false;
    for (; select.step(); is_found = true) {
      const DocumentId id = select.integer(0);
      documents_[id] = {id, select.integer(1), std::string(select.blob(2))};
    }
    if (!is_found) add_fault(table, 1);
  }

  void add_count(const std::string& sql, const char* table) {
    if (const std::int64_t count = database_.integer(sql); count != 0) add_fault(table, count);
  }

  void add_fault(const char* table, std::int64_t rows) {
    check_.faults.push_back(tr("table {}: {:row is|rows are} not as written",
                               "таблица {}: {:строка не такая, как записана|строки не такие, как "
                               "записаны|строк не таких, как записаны}",
                               table, Count(rows)));
  }

  SqliteDatabase database_;
  LibraryHeader header_;
  LibraryCheck check_;
  std::map<DocumentId, DamagedDocument> documents_;
};

/// Leaves chunks to a document that shares them.
void pass_chunks_on(SqliteDatabase& database, const LibraryHeader& header, DocumentId to,
                    ChunkId first, std::int64_t count) {
  SqliteStatement(database,
                  fmt::format("UPDATE chunks SET document = ?1, checksum = oko_checksum(?1, origin,"
                              " page, page_width, page_height, text, heading, lines)"
                              " WHERE id >= ?2 AND id < ?2 + ?3 AND {}",
                              header.whole_sql("chunks")))
      .bind(1, to)
      .bind(2, first)
      .bind(3, count)
      .run();
}

void forget(SqliteDatabase& database, const LibraryHeader& header, DocumentId id) {
  SqliteStatement place(database, "SELECT first_chunk, chunk_count FROM documents WHERE id = ?1");
  if (!place.bind(1, id).step()) return;
  const ChunkId first = place.integer(0);
  const std::int64_t count = place.integer(1);
  place.reset();
  SqliteStatement(database, "DELETE FROM documents WHERE id = ?1").bind(1, id).run();
  if (first == 0) return;
  SqliteStatement sharer(database, "SELECT id FROM documents WHERE first_chunk = ?1");
  if (sharer.bind(1, first).step()) {
    return pass_chunks_on(database, header, sharer.integer(0), first, count);
  }
  for (const auto& [table, key] :
       {std::pair{"chunks", "id"}, {"vectors", "chunk"}, {"token_vectors", "chunk"}}) {
    SqliteStatement(database,
                    fmt::format("DELETE FROM {0} WHERE {1} >= ?1 AND {1} < ?1 + ?2", table, key))
        .bind(1, first)
        .bind(2, count)
        .run();
  }
}

}  // namespace

LibraryCheck check_library(const fs::path& library, const StopToken& stop) {
  if (!has_entry(library)) fail_no_library(library.string());
  const bool is_writable = can_write(library);
  try {
    return Check(library, is_writable).run(is_writable, stop);
  } catch (const DamagedLibrary& error) {  // its first pages: nothing else can be read
    LibraryCheck check;
    check.faults.push_back(error.message());
    return check;
  }
}

void forget_damaged(const fs::path& library, std::span<const DocumentId> documents) {
  SqliteDatabase database(library, SqliteDatabase::Access::kWrite);
  register_words_tokenizer(database);
  register_checksum(database);
  const LibraryHeader header = read_header(database);
  SqliteTransaction transaction(database);
  for (const DocumentId id : documents) forget(database, header, id);
  database.run("INSERT INTO words(words) VALUES('rebuild')");
  database.run("INSERT INTO form_trigrams(form_trigrams) VALUES('rebuild')");
  transaction.commit();
}

}  // namespace oko::index
