#pragma once

#include <utility>
#include <vector>

#include "index/sqlite_database.h"

namespace oko::index {

/// What the function "oko_score" of FTS5 adds up: BM25 as FTS5's own has it, whose constants these
/// are, for phrases of which the caller knows how many rows have them: FTS5 counts them anew.
struct WordsScore {
  static constexpr double kSaturation = 1.2;  ///< k1
  static constexpr double kLength = 0.75;     ///< b

  /// The most that a phrase of a weight adds.
  static double most_of(double idf) { return idf * (kSaturation + 1); }

  std::vector<double> idf;      ///< of the phrases of the query, in their order; 0: none
  double heading_weight = 1.0;  ///< of the second column
  double least = 0.0;           ///< rows that cannot have as much may get 0
  double mean_size = 0.0;       ///< words of a row; 0: not known yet
  std::vector<std::pair<double, double>> counts = {};  ///< of a row: phrases' weights and counts
};

/// Registers "oko_score(words, ?1)" on a connection; ?1 is `bind_score`'s.
void register_words_score(SqliteDatabase& database);

/// `score` must stand until the statement was reset.
void bind_score(SqliteStatement& statement, int parameter, WordsScore& score);

}  // namespace oko::index
