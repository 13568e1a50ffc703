#include "index/word_index.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "index/best_chunks.h"
#include "index/fts_string.h"
#include "index/word_query.h"
#include "index/words_tokenizer.h"

namespace oko::index {
namespace {

constexpr double kHeadingWeight = 2.0;
constexpr double kLeastIdf = 1e-6;  // FTS5's, of words that most chunks have

/// As FTS5 computes it.
double idf_of(std::uint64_t chunks, std::uint64_t all_chunks) {
  const auto with = static_cast<double>(std::min(chunks, all_chunks));
  const double idf = std::log((static_cast<double>(all_chunks) - with + 0.5) / (with + 0.5));
  return std::max(idf, kLeastIdf);
}

std::string joined(std::span<const std::string> strings, std::string_view with) {
  return fmt::format("{}", fmt::join(strings, with));
}

}  // namespace

/// A term of the index, or a phrase, as FTS5's query language has it.
struct WordIndex::Needle {
  std::string match;
  double idf = 0;
};

/// A query for a state of the library.
struct WordIndex::Query {
  std::string text;
  std::uint64_t all_chunks = 0;
  std::int64_t data_version = 0;
  bool is_telling = false;
  std::vector<std::string> marked_terms;
  std::vector<Needle> phrases;        ///< all are needed
  std::vector<Needle> words;          ///< that chunks have, the rarest first
  std::vector<std::uint64_t> chunks;  ///< with each of `words`
  double ceiling = 0;  ///< the BM25 of a text that has all often: what scores are shares of
};

WordIndex::WordIndex(SqliteDatabase& database)
    : database_(database),
      forms_(database),
      insert_words_(database, "INSERT INTO words(rowid, text, heading) VALUES(?1, ?2, ?3)"),
      delete_words_(database,
                    "INSERT INTO words(words, rowid, text, heading) VALUES('delete', ?1, ?2, ?3)"),
      count_(database, "SELECT doc FROM word_counts WHERE term = ?1") {
  register_words_score(database);
}

WordIndex::~WordIndex() = default;

void WordIndex::forget() {
  forms_.forget();
  parsed_.reset();
}

void WordIndex::add(ChunkId chunk, std::string_view text, std::string_view heading) {
  parsed_.reset();
  insert_words_.bind(1, chunk).bind(2, text).bind(3, heading).run();
  const auto add_form = [&](const TextWord& word) {
    forms_.add(word.form);
    return true;
  };
  reader_.read(text, add_form);
  reader_.read(heading, add_form);
}

void WordIndex::remove(ChunkId chunk, std::string_view text, std::string_view heading) {
  parsed_.reset();
  delete_words_.bind(1, chunk).bind(2, text).bind(3, heading).run();
}

std::uint64_t WordIndex::chunks_with(std::string_view term) {
  count_.bind(1, term);
  const std::uint64_t chunks = count_.step() ? static_cast<std::uint64_t>(count_.integer(0)) : 0;
  count_.reset();
  return chunks;
}

std::uint64_t WordIndex::chunks_that_match(const std::string& match) {
  SqliteStatement count(database_, "SELECT count(*) FROM words WHERE words MATCH ?1");
  count.bind(1, match);
  return count.step() ? static_cast<std::uint64_t>(count.integer(0)) : 0;
}

class WordIndex::Words : public Vocabulary {
 public:
  Words(WordIndex& index, std::uint64_t all_chunks) : index_(index), all_chunks_(all_chunks) {}

  std::uint64_t all_chunks() override { return all_chunks_; }

  std::vector<std::uint64_t> chunks_with(std::span<const std::string> terms) override {
    std::vector<std::uint64_t> counts;
    for (const std::string& term : terms) counts.push_back(index_.chunks_with(term));
    return counts;
  }

  std::vector<std::string> forms_with(std::string_view part) override {
    return index_.forms_.with(part);
  }

  std::vector<std::string> forms_near(std::string_view form) override {
    return index_.forms_.near(form);
  }

 private:
  WordIndex& index_;
  std::uint64_t all_chunks_;
};

const WordIndex::Query& WordIndex::parse(std::string_view query, std::uint64_t all_chunks) {
  const std::int64_t version = database_.integer("PRAGMA data_version");
  const bool is_same = parsed_ && parsed_->text == query && parsed_->all_chunks == all_chunks &&
                       parsed_->data_version == version;
  if (is_same) return *parsed_;
  auto parsed = std::make_unique<Query>();
  parsed->text = query;
  parsed->all_chunks = all_chunks;
  parsed->data_version = version;
  add_needles(*parsed);
  parsed_ = std::move(parsed);
  return *parsed_;
}

void WordIndex::add_needles(Query& parsed) {
  constexpr char kSeparator[] = {kTermSeparator, '\0'};
  Words vocabulary(*this, parsed.all_chunks);
  const WordQuery query = parse_word_query(parsed.text, vocabulary);
  parsed.is_telling = query.is_telling;
  parsed.marked_terms = query.marked_terms();
  for (const std::vector<std::string>& terms : query.phrases) {
    const std::string match = fts_string(joined(terms, kSeparator));
    parsed.phrases.push_back({match, idf_of(chunks_that_match(match), parsed.all_chunks)});
    parsed.ceiling += WordsScore::most_of(parsed.phrases.back().idf);
  }
  std::vector<std::pair<std::uint64_t, std::string>> words;
  for (const QueryTerm& term : query.terms) {
    parsed.ceiling += term.weight() * WordsScore::most_of(idf_of(term.chunks, parsed.all_chunks));
    if (term.chunks == 0) continue;
    const bool is_alone = term.alternatives.size() == 1;
    for (const std::string& each : term.alternatives) {
      const std::uint64_t chunks = is_alone ? term.chunks : chunks_with(each);
      if (chunks > 0) words.emplace_back(chunks, fts_string(each));
    }
  }
  std::sort(words.begin(), words.end());
  for (auto& [chunks, match] : words) {
    parsed.words.push_back({std::move(match), idf_of(chunks, parsed.all_chunks)});
    parsed.chunks.push_back(chunks);
  }
}

bool WordIndex::has_telling_words(std::string_view query, std::uint64_t all_chunks) {
  return parse(query, all_chunks).is_telling;
}

std::vector<std::string> WordIndex::terms_of(std::string_view query, std::uint64_t all_chunks) {
  return parse(query, all_chunks).marked_terms;
}

std::vector<ScoredChunk> WordIndex::run(const std::string& match, WordsScore& score, double ceiling,
                                        std::size_t count, const ChunkSet& wanted) {
  BestChunks best(count);
  SqliteStatement select(database_,
                         "SELECT rowid, oko_score(words, ?2) FROM words WHERE words MATCH ?1"
                         " AND rowid BETWEEN ?3 AND ?4");
  select.bind(1, match)
      .bind(3, wanted.ranges().front().first)
      .bind(4, wanted.ranges().back().last - 1);
  bind_score(select, 2, score);
  const double least = score.least;
  while (select.step()) {
    const double share = std::min(select.real(1) / ceiling, 1.0);
    const ScoredChunk scored{select.integer(0), static_cast<float>(share)};
    if (!(scored.score > 0) || !best.takes(scored) || !wanted.contains(scored.chunk)) continue;
    best.add(scored);
    // A little less, for what a float rounds off.
    score.least = std::max(least, static_cast<double>(best.threshold()) * ceiling * (1 - 1e-6));
  }
  return std::move(best).sorted();
}

/// The words add to the score of a chunk that has the phrases.
std::vector<ScoredChunk> WordIndex::find_phrases(const Query& query, std::size_t count,
                                                 const ChunkSet& wanted) {
  WordsScore score{.idf = {}, .heading_weight = kHeadingWeight};
  std::vector<std::string> phrases, words;
  for (const Needle& phrase : query.phrases) {
    phrases.push_back(phrase.match);
    score.idf.push_back(phrase.idf);
  }
  std::string match = joined(phrases, " AND ");
  if (!query.words.empty()) {
    score.idf.resize(2 * phrases.size());
    for (const Needle& word : query.words) {
      words.push_back(word.match);
      score.idf.push_back(word.idf);
    }
    match = fmt::format("({0}) OR ({0} AND ({1}))", match, joined(words, " OR "));
  }
  return run(match, score, query.ceiling, count, wanted);
}

/// Turtle & Flood 1995, "Query evaluation: strategies and optimizations" (max-score): a chunk whose
/// words are all among the most frequent ones, which together add less than the last of the best
/// has, is not looked at.
std::vector<ScoredChunk> WordIndex::find_words(const Query& query, std::size_t count,
                                               const ChunkSet& wanted) {
  std::vector<std::string> words;
  std::vector<double> idf;
  for (const Needle& word : query.words) {
    words.push_back(word.match);
    idf.push_back(word.idf);
  }
  if (words.empty()) return {};
  const auto find = [&](std::size_t needed, double least) {
    const std::string rare = joined(std::span(words).first(needed), " OR ");
    WordsScore score{.idf = idf, .heading_weight = kHeadingWeight, .least = least};
    if (needed == words.size()) return run(rare, score, query.ceiling, count, wanted);
    score.idf.insert(score.idf.begin() + static_cast<std::ptrdiff_t>(needed), needed, 0.0);
    const std::string rest = joined(std::span(words).subspan(needed), " OR ");
    return run(fmt::format("({0}) OR (({0}) AND ({1}))", rare, rest), score, query.ceiling, count,
               wanted);
  };
  const std::uint64_t all =
      std::accumulate(query.chunks.begin(), query.chunks.end(), std::uint64_t{0});
  std::uint64_t rare = 0;
  std::size_t tried = 0;
  for (; tried < words.size() && rare < 2 * count; ++tried) rare += query.chunks[tried];
  if (rare > all / 4) tried = words.size();  // not worth two searches
  std::vector<ScoredChunk> found = find(tried, 0);
  if (tried == words.size()) return found;
  // A little less, for what a float rounds off.
  const double least = found.size() < count
                           ? 0
                           : static_cast<double>(found.back().score) * query.ceiling * (1 - 1e-6);
  std::size_t needed = words.size();
  for (double rest = 0; needed > 0; --needed) {
    rest += WordsScore::most_of(idf[needed - 1]);
    if (rest >= least) break;
  }
  return needed <= tried ? found : find(needed, least);
}

std::vector<ScoredChunk> WordIndex::find(std::string_view query, std::size_t count,
                                         std::uint64_t all_chunks, const ChunkSet& wanted) {
  if (count == 0 || wanted.count() == 0) return {};
  const Query& parsed = parse(query, all_chunks);
  return parsed.phrases.empty() ? find_words(parsed, count, wanted)
                                : find_phrases(parsed, count, wanted);
}

}  // namespace oko::index
