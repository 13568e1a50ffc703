#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oko::index {

/// What a store knows of the words of its chunks.
class Vocabulary {
 public:
  virtual ~Vocabulary() = default;

  virtual std::uint64_t all_chunks() = 0;
  /// The number of chunks that have each term.
  virtual std::vector<std::uint64_t> chunks_with(std::span<const std::string> terms) = 0;
  /// Forms of words, not stemmed, that `part`, of three letters or more, is a part of.
  virtual std::vector<std::string> forms_with(std::string_view part) = 0;
  /// Forms like `form`, a word of four letters or more; among them those that differ in two letters
  /// at most.
  virtual std::vector<std::string> forms_near(std::string_view form) = 0;
};

/// A word of a query: its term or, if no chunk has that, those of similar words.
struct QueryTerm {
  std::vector<std::string> alternatives;
  std::uint64_t chunks = 0;  ///< that have one of them

  /// What the lack of it takes off a score. Of a word that no chunk has nobody knows whether the
  /// library says it in other words.
  double weight() const { return chunks == 0 ? 0.5 : 1.0; }
};

/// What a query looks for. Words that more than a fifth of the chunks have do not count if the
/// query has others, and lower no score; if it has none, the 3 rarest do. Of a long query the 12
/// rarest do. For a word that no chunk has, the words count that begin with it or of which it is at
/// least a half (a number or code: any part), else those that differ in one letter (two, if it has
/// 8 or more).
struct WordQuery {
  std::vector<std::vector<std::string>> phrases;  ///< their terms; all phrases are needed
  std::vector<QueryTerm> terms;
  bool is_telling = false;  ///< has a phrase, or a word that a fifth of the chunks have at most

  /// The terms that chunks may have, to mark them in texts.
  std::vector<std::string> marked_terms() const;
};

WordQuery parse_word_query(std::string_view query, Vocabulary& vocabulary);

}  // namespace oko::index
