#include "index/word_index.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "index/best_chunks.h"
#include "index/word_query.h"
#include "index/words_tokenizer.h"
#include "text/code_point_count.h"
#include "text/utf8.h"

namespace oko::index {
namespace {

constexpr std::size_t kTrigram = 3;
constexpr std::size_t kMaxKnownForms = 1'000'000;
constexpr std::size_t kFormCandidates = 200;
constexpr double kHeadingWeight = 2.0;
constexpr double kLeastIdf = 1e-6;  // FTS5's, of words that most chunks have

/// A string of FTS5's query language.
std::string fts_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) result.append(c == '"' ? 2 : 1, c);
  return result + "\"";
}

/// The trigrams of a word, one of which a similar word has.
std::string any_trigram(std::string_view form) {
  std::vector<std::size_t> starts;
  for (std::size_t at = 0; at < form.size(); at += text::next_utf8(form, at).length) {
    starts.push_back(at);
  }
  starts.push_back(form.size());
  std::vector<std::string> trigrams;
  for (std::size_t i = 0; i + kTrigram < starts.size(); ++i) {
    trigrams.push_back(fts_string(form.substr(starts[i], starts[i + kTrigram] - starts[i])));
  }
  return fmt::format("{}", fmt::join(trigrams, " OR "));
}

/// The BM25 of a word or phrase that a text has often, as FTS5 computes it: k1 is 1.2, and a weight
/// is idf · (k1 + 1) at most. What scores are shares of is the sum over the query.
double most_of_term(std::uint64_t chunks, std::uint64_t all_chunks) {
  constexpr double kMostOfTerm = 2.2;
  const auto with = static_cast<double>(chunks);
  const double idf = std::log((static_cast<double>(all_chunks) - with + 0.5) / (with + 0.5));
  return kMostOfTerm * std::max(idf, kLeastIdf);
}

}  // namespace

WordIndex::WordIndex(SqliteDatabase& database)
    : database_(database),
      insert_words_(database, "INSERT INTO words(rowid, text, heading) VALUES(?1, ?2, ?3)"),
      delete_words_(database,
                    "INSERT INTO words(words, rowid, text, heading) VALUES('delete', ?1, ?2, ?3)"),
      insert_form_(database, "INSERT OR IGNORE INTO forms(form) VALUES(?1) RETURNING id"),
      insert_trigrams_(database, "INSERT INTO form_trigrams(rowid, form) VALUES(?1, ?2)") {}

void WordIndex::add(ChunkId chunk, std::string_view text, std::string_view heading) {
  insert_words_.bind(1, chunk).bind(2, text).bind(3, heading).run();
  if (known_forms_.size() > kMaxKnownForms) known_forms_.clear();
  const auto add_form = [&](const TextWord& word) {
    if (text::code_point_count(word.form) < kTrigram) return true;
    if (!known_forms_.insert(std::hash<std::string_view>{}(word.form)).second) return true;
    insert_form_.bind(1, word.form);
    const bool is_new = insert_form_.step();
    const std::int64_t id = is_new ? insert_form_.integer(0) : 0;
    insert_form_.reset();
    if (is_new) insert_trigrams_.bind(1, id).bind(2, word.form).run();
    return true;
  };
  reader_.read(text, add_form);
  reader_.read(heading, add_form);
}

void WordIndex::remove(ChunkId chunk, std::string_view text, std::string_view heading) {
  delete_words_.bind(1, chunk).bind(2, text).bind(3, heading).run();
}

/// The words, with the number of all chunks of the library.
class WordIndex::Words : public Vocabulary {
 public:
  Words(SqliteDatabase& database, std::uint64_t all_chunks)
      : database_(database), all_chunks_(all_chunks) {}

  std::uint64_t all_chunks() override { return all_chunks_; }

  std::vector<std::uint64_t> chunks_with(std::span<const std::string> terms) override {
    SqliteStatement count(database_, "SELECT doc FROM word_counts WHERE term = ?1");
    std::vector<std::uint64_t> counts;
    for (const std::string& term : terms) {
      count.bind(1, term);
      counts.push_back(count.step() ? static_cast<std::uint64_t>(count.integer(0)) : 0);
      count.reset();
    }
    return counts;
  }

  std::vector<std::string> forms_with(std::string_view part) override {
    return forms_that_match(fts_string(part));
  }

  std::vector<std::string> forms_near(std::string_view form) override {
    return forms_that_match(any_trigram(form));
  }

  std::uint64_t chunks_that_match(const std::string& match) {
    SqliteStatement count(database_, "SELECT count(*) FROM words WHERE words MATCH ?1");
    count.bind(1, match);
    return count.step() ? static_cast<std::uint64_t>(count.integer(0)) : 0;
  }

 private:
  std::vector<std::string> forms_that_match(const std::string& trigram_query) {
    std::vector<std::string> forms;
    SqliteStatement select(database_,
                           "SELECT form FROM form_trigrams WHERE form_trigrams MATCH ?1"
                           " ORDER BY rank LIMIT ?2");
    select.bind(1, trigram_query).bind(2, static_cast<std::int64_t>(kFormCandidates));
    while (select.step()) forms.emplace_back(select.text(0));
    return forms;
  }

  SqliteDatabase& database_;
  std::uint64_t all_chunks_;
};

std::vector<std::string> WordIndex::terms_of(std::string_view query, std::uint64_t all_chunks) {
  Words words(database_, all_chunks);
  return parse_word_query(query, words).marked_terms();
}

std::vector<ScoredChunk> WordIndex::find(std::string_view query, std::size_t count,
                                         std::uint64_t all_chunks,
                                         const std::function<bool(ChunkId)>& is_wanted) {
  Words vocabulary(database_, all_chunks);
  const WordQuery parsed = parse_word_query(query, vocabulary);
  std::vector<std::string> phrases, words;
  double ceiling = 0;
  for (const std::vector<std::string>& terms : parsed.phrases) {
    constexpr char kSeparator[] = {kTermSeparator, '\0'};
    phrases.push_back(fts_string(fmt::format("{}", fmt::join(terms, kSeparator))));
    ceiling += most_of_term(vocabulary.chunks_that_match(phrases.back()), all_chunks);
  }
  for (const QueryTerm& term : parsed.terms) {
    ceiling += most_of_term(term.chunks, all_chunks);
    if (term.chunks == 0) continue;
    for (const std::string& each : term.alternatives) words.push_back(fts_string(each));
  }
  if (count == 0 || (phrases.empty() && words.empty())) return {};
  std::string match = fmt::format("{}", fmt::join(phrases, " AND "));
  const std::string any = fmt::format("{}", fmt::join(words, " OR "));
  // The words add to the score of a chunk that has the phrases.
  if (!phrases.empty() && !words.empty())
    match = fmt::format("({0}) OR ({0} AND ({1}))", match, any);
  if (phrases.empty()) match = any;

  SqliteStatement select(database_,
                         "SELECT rowid, bm25(words, 1.0, ?2) FROM words WHERE words MATCH ?1");
  select.bind(1, match).bind(2, kHeadingWeight);
  BestChunks best(count);
  while (select.step()) {
    const double share = std::min(-select.real(1) / ceiling, 1.0);
    const ScoredChunk scored{select.integer(0), static_cast<float>(share)};
    if (scored.score > 0 && best.takes(scored) && is_wanted(scored.chunk)) best.add(scored);
  }
  return std::move(best).sorted();
}

}  // namespace oko::index
