#pragma once

#include <string>
#include <string_view>

#include "index/library.h"
#include "index/sqlite_database.h"

namespace oko::index {

/// Version of the tables. A library of an older one is brought up to date when it is opened for
/// writing; one of a newer oko is refused.
///
/// 1: the first; 2: rows have checksums.
inline constexpr int kSchemaVersion = 2;

/// A table whose rows have a checksum, and how SQL computes it.
struct TableChecksum {
  const char* name;
  const char* checksum;
};
inline constexpr TableChecksum kTableChecksums[] = {
    {"documents", "oko_checksum(path, kind, size, modified_ns, hash, date, title, pages, error)"},
    {"chunks",
     "oko_checksum(document, origin, page, page_width, page_height, text, heading, lines)"},
    {"vectors", "oko_checksum(chunk, dense)"},
    {"token_vectors", "oko_checksum(chunk, codes)"},
    {"postings", "oko_checksum(segment, token, list)"},
};

/// A library's own values.
struct LibraryHeader {
  int version = 0;  ///< of the tables: an older one is read as it is
  std::string id;   ///< 16 random bytes: the derived file of vectors carries it, too
  LibraryModel model;

  bool has_checksums() const { return version >= 2; }
  /// In SQL: whether a row of the table is as it was written; 1 for tables without checksums.
  std::string whole_sql(std::string_view table) const;
};

/// Registers the function oko_checksum of SQL on a connection: the RowChecksum of its arguments.
void register_checksum(SqliteDatabase& database);

/// Makes all tables in an empty database. In one transaction.
void create_schema(SqliteDatabase& database, const LibraryModel& model);

/// True if the database has no tables yet.
bool is_empty(SqliteDatabase& database);

/// Throws kBadInput if it is no library of oko, kUnsupported if it is of a newer oko.
LibraryHeader read_header(SqliteDatabase& database);

/// Brings the tables of an older version up to date. In one transaction: a kill leaves the old
/// ones.
void migrate_schema(SqliteDatabase& database);

/// Throws DamagedLibrary if a row is not as it was written.
void require_whole(const SqliteDatabase& database, bool is_whole);

/// Builds the table of words anew if another version of the stemmers made it.
void update_words(SqliteDatabase& database);

}  // namespace oko::index
