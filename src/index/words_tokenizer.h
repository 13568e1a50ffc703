#pragma once

#include <string>

#include "index/sqlite_database.h"

struct fts5_api;

namespace oko::index {

/// What separates the terms of a phrase in a query: its terms are taken as they are.
constexpr char kTermSeparator = '\x1f';

/// Null if SQLite was built without FTS5.
fts5_api* fts_api_of(const SqliteDatabase& database);

/// Registers the tokenizer "oko_words" of FTS5 on a connection: WordReader's terms for documents.
/// A code shares the position of its last part. Throws kFailed if SQLite has no FTS5.
void register_words_tokenizer(SqliteDatabase& database);

/// Differs between versions of the stemmers, whose terms must not be mixed in an index.
std::string words_fingerprint();

}  // namespace oko::index
