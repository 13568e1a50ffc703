#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "index/chunk_set.h"
#include "index/form_index.h"
#include "index/library.h"
#include "index/sqlite_database.h"
#include "index/word_reader.h"
#include "index/words_score.h"

namespace oko::index {

/// The words of all chunks, in tables of SQLite (`sqlite_schema`): FTS5 over stems, and FormIndex.
class WordIndex {
 public:
  explicit WordIndex(SqliteDatabase& database);
  ~WordIndex();

  /// `heading`: words that count more, such as a title.
  void add(ChunkId chunk, std::string_view text, std::string_view heading);
  /// With the text that was added.
  void remove(ChunkId chunk, std::string_view text, std::string_view heading);
  /// To be called when a transaction was undone.
  void forget();

  /// As Store::find_words (WordQuery). `all_chunks`: of the library.
  std::vector<ScoredChunk> find(std::string_view query, std::size_t count, std::uint64_t all_chunks,
                                const ChunkSet& wanted);

  /// As Store::has_telling_words.
  bool has_telling_words(std::string_view query, std::uint64_t all_chunks);
  /// The terms that `find` looks for, as WordReader makes them of a text, for marks in it.
  std::vector<std::string> terms_of(std::string_view query, std::uint64_t all_chunks);

 private:
  class Words;
  struct Needle;
  struct Query;

  const Query& parse(std::string_view query, std::uint64_t all_chunks);
  void add_needles(Query& parsed);
  std::uint64_t chunks_with(std::string_view term);
  std::uint64_t chunks_that_match(const std::string& match);
  std::vector<ScoredChunk> find_phrases(const Query& query, std::size_t count,
                                        const ChunkSet& wanted);
  std::vector<ScoredChunk> find_words(const Query& query, std::size_t count,
                                      const ChunkSet& wanted);
  std::vector<ScoredChunk> run(const std::string& match, WordsScore& score, double ceiling,
                               std::size_t count, const ChunkSet& wanted);

  SqliteDatabase& database_;
  WordReader reader_;
  FormIndex forms_;
  SqliteStatement insert_words_, delete_words_, count_;
  std::unique_ptr<Query> parsed_;  ///< the last one: a search asks for its chunks and its terms
};

}  // namespace oko::index
