#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "index/sqlite_database.h"

namespace oko::index {

/// The forms of all words, with their trigrams, for parts of words and for mistakes in typing, in
/// tables of SQLite (`sqlite_schema`).
class FormIndex {
 public:
  explicit FormIndex(SqliteDatabase& database);

  void add(std::string_view form);
  /// To be called when a transaction was undone.
  void forget() { known_.clear(); }

  /// Forms that `part`, of three letters or more, is a part of, the shorter ones first.
  std::vector<std::string> with(std::string_view part);
  /// Forms that differ from `form`, of four letters or more, in the fewest letters: in one, or in
  /// two if it has 8 or more.
  std::vector<std::string> near(std::string_view form);

 private:
  std::vector<std::string> that_contain(std::string_view part, std::size_t count);
  std::vector<std::string> that_begin_with(std::string_view part);
  std::vector<std::string> within(std::string_view form, std::size_t distance);

  SqliteStatement insert_, insert_trigrams_, containing_, beginning_;
  std::unordered_set<std::size_t> known_;  ///< hashes of forms that the tables have
};

}  // namespace oko::index
