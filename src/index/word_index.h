#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "index/library.h"
#include "index/sqlite_database.h"
#include "index/word_reader.h"

namespace oko::index {

/// The words of all chunks, in tables of SQLite: FTS5 over stems, and all forms of words with their
/// trigrams, for parts of words and for mistakes in typing. The tables of `sqlite_schema`.
class WordIndex {
 public:
  explicit WordIndex(SqliteDatabase& database);

  /// `heading`: words that count more, such as a title.
  void add(ChunkId chunk, std::string_view text, std::string_view heading);
  /// With the text that was added.
  void remove(ChunkId chunk, std::string_view text, std::string_view heading);
  /// To be called when a transaction was undone.
  void forget_forms() { known_forms_.clear(); }

  /// As Store::find_words (WordQuery). `all_chunks`: of the library.
  std::vector<ScoredChunk> find(std::string_view query, std::size_t count, std::uint64_t all_chunks,
                                const std::function<bool(ChunkId)>& is_wanted);

  /// The terms that `find` looks for, as WordReader makes them of a text, for marks in it.
  std::vector<std::string> terms_of(std::string_view query, std::uint64_t all_chunks);

 private:
  class Words;

  SqliteDatabase& database_;
  WordReader reader_;
  SqliteStatement insert_words_, delete_words_, insert_form_, insert_trigrams_;
  std::unordered_set<std::size_t> known_forms_;  ///< hashes of forms that the tables have
};

}  // namespace oko::index
