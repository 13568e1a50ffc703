#pragma once

#include <string>

#include "index/library.h"
#include "index/sqlite_database.h"

namespace oko::index {

/// Version of the tables. A library of an older one is brought up to date when it is opened for
/// writing; one of a newer oko is refused.
inline constexpr int kSchemaVersion = 1;

/// A library's own values.
struct LibraryHeader {
  std::string id;  ///< 16 random bytes: the derived file of vectors carries it, too
  LibraryModel model;
};

/// Makes all tables in an empty database. In one transaction.
void create_schema(SqliteDatabase& database, const LibraryModel& model);

/// True if the database has no tables yet.
bool is_empty(SqliteDatabase& database);

/// Throws kBadInput if it is no library of oko, kUnsupported if it is of a newer oko.
LibraryHeader read_header(SqliteDatabase& database);

/// Builds the table of words anew if another version of the stemmers made it.
void update_words(SqliteDatabase& database);

}  // namespace oko::index
