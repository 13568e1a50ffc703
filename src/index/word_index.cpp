#include "index/word_index.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "index/best_chunks.h"
#include "index/query_parts.h"
#include "index/words_tokenizer.h"
#include "text/code_point_count.h"
#include "text/edit_distance.h"
#include "text/utf8.h"

namespace oko::index {
namespace {

constexpr std::size_t kTrigram = 3;
constexpr std::size_t kMaxKnownForms = 1'000'000;
constexpr std::size_t kMaxTerms = 64;  ///< of a query; a page of text is no question
constexpr std::size_t kMaxAlternatives = 16;
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

}  // namespace

struct WordIndex::Term {
  std::vector<std::string> alternatives;
  std::uint64_t chunks = 0;  ///< that have one of them
};

struct WordIndex::Query {
  struct Phrase {
    std::string terms;  ///< with kTermSeparator between them
    std::uint64_t chunks = 0;
  };
  std::vector<Phrase> phrases;  ///< all are needed
  std::vector<Term> terms;

  /// Leaves the words that tell chunks apart.
  void drop_common(std::uint64_t all_chunks);
  /// The BM25 of a text that has all words often: what scores are shares of.
  double ceiling(std::uint64_t all_chunks) const;
};

/// As FTS5 computes it: k1 is 1.2, and a weight is idf · (k1 + 1) at most.
double WordIndex::Query::ceiling(std::uint64_t all_chunks) const {
  constexpr double kMostOfTerm = 2.2;
  const auto count = static_cast<double>(all_chunks);
  double sum = 0;
  const auto add = [&](std::uint64_t chunks) {
    const auto with = static_cast<double>(chunks);
    const double idf = std::log((count - with + 0.5) / (with + 0.5));
    sum += kMostOfTerm * std::max(idf, kLeastIdf);
  };
  for (const Term& term : terms) add(term.chunks);
  for (const Phrase& phrase : phrases) add(phrase.chunks);
  return sum;
}

void WordIndex::Query::drop_common(std::uint64_t all_chunks) {
  constexpr std::uint64_t kFewChunks = 20;
  const std::uint64_t most = std::max(kFewChunks, all_chunks / 5);
  const auto is_common = [&](const Term& term) { return term.chunks > most; };
  const auto is_rare = [&](const Term& term) { return term.chunks > 0 && !is_common(term); };
  if (std::any_of(terms.begin(), terms.end(), is_rare)) std::erase_if(terms, is_common);
}

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

std::uint64_t WordIndex::chunks_with(std::string_view term) {
  SqliteStatement count(database_, "SELECT doc FROM word_counts WHERE term = ?1");
  count.bind(1, term);
  return count.step() ? static_cast<std::uint64_t>(count.integer(0)) : 0;
}

std::uint64_t WordIndex::chunks_that_match(const std::string& match) {
  SqliteStatement count(database_, "SELECT count(*) FROM words WHERE words MATCH ?1");
  count.bind(1, match);
  return count.step() ? static_cast<std::uint64_t>(count.integer(0)) : 0;
}

std::vector<std::string> WordIndex::forms_that_match(const std::string& trigram_query) {
  std::vector<std::string> forms;
  SqliteStatement select(database_,
                         "SELECT form FROM form_trigrams WHERE form_trigrams MATCH ?1"
                         " ORDER BY rank LIMIT ?2");
  select.bind(1, trigram_query).bind(2, static_cast<std::int64_t>(kFormCandidates));
  while (select.step()) forms.emplace_back(select.text(0));
  return forms;
}

std::vector<std::string> WordIndex::similar_forms(std::string_view form, bool is_code) {
  const std::size_t letters = text::code_point_count(form);
  if (letters < kTrigram) return {};
  std::vector<std::string> found = forms_that_match(fts_string(form));
  // Another number is another thing, not a mistake in typing.
  const bool has_digit = form.find_first_of("0123456789") != std::string_view::npos;
  if (!found.empty() || is_code || has_digit || letters <= kTrigram) return found;
  const std::size_t most = letters < 8 ? 1 : 2;
  std::size_t least = most;
  std::vector<std::pair<std::size_t, std::string>> close;
  for (std::string& each : forms_that_match(any_trigram(form))) {
    const std::size_t distance = text::edit_distance(form, each);
    if (distance > most) continue;
    least = std::min(least, distance);
    close.emplace_back(distance, std::move(each));
  }
  for (auto& [distance, each] : close) {
    if (distance == least) found.push_back(std::move(each));
  }
  return found;
}

WordIndex::Term WordIndex::term_of(const TextWord& word) {
  Term term{.alternatives = {std::string(word.term)}, .chunks = chunks_with(word.term)};
  if (term.chunks > 0) return term;
  const std::string form(word.form);
  WordReader stems;  // `reader_` is in use
  for (const std::string& similar : similar_forms(form, word.is_code)) {
    std::string stem;
    stems.read(similar, [&](const TextWord& each) {
      stem = each.term;  // of a code the last one, which is the whole
      return true;
    });
    const bool is_known = std::find(term.alternatives.begin(), term.alternatives.end(), stem) !=
                          term.alternatives.end();
    if (is_known || term.alternatives.size() > kMaxAlternatives) continue;
    term.chunks += chunks_with(stem);
    term.alternatives.push_back(std::move(stem));
  }
  return term;
}

std::string WordIndex::phrase_of(std::string_view part) {
  std::string phrase;
  reader_.read(part, [&](const TextWord& word) {
    if (word.is_code) return true;
    if (!phrase.empty()) phrase.push_back(kTermSeparator);
    phrase += word.term;
    return true;
  });
  return phrase;
}

void WordIndex::parse_plain(std::string_view part, Query& parsed) {
  reader_.read(part, [&](const TextWord& word) {
    const auto is_same = [&](const Term& term) { return term.alternatives.front() == word.term; };
    if (std::none_of(parsed.terms.begin(), parsed.terms.end(), is_same)) {
      parsed.terms.push_back(term_of(word));
    }
    return parsed.terms.size() < kMaxTerms;
  });
}

WordIndex::Query WordIndex::parse(std::string_view query, std::uint64_t all_chunks) {
  Query parsed;
  for (const QueryPart& part : query_parts(query)) {
    if (!part.is_phrase) {
      parse_plain(part.text, parsed);
    } else if (std::string terms = phrase_of(part.text); !terms.empty()) {
      const std::uint64_t chunks = chunks_that_match(fts_string(terms));
      parsed.phrases.push_back({std::move(terms), chunks});
    }
  }
  parsed.drop_common(all_chunks);
  return parsed;
}

std::vector<std::string> WordIndex::terms_of(std::string_view query, std::uint64_t all_chunks) {
  const Query parsed = parse(query, all_chunks);
  std::vector<std::string> terms;
  for (const Term& term : parsed.terms) {
    if (term.chunks == 0) continue;
    terms.insert(terms.end(), term.alternatives.begin(), term.alternatives.end());
  }
  for (const Query::Phrase& phrase : parsed.phrases) {
    const std::string& all = phrase.terms;
    for (std::size_t begin = 0; begin < all.size();) {
      const std::size_t end = std::min(all.find(kTermSeparator, begin), all.size());
      terms.push_back(all.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return terms;
}

std::vector<ScoredChunk> WordIndex::find(std::string_view query, std::size_t count,
                                         std::uint64_t all_chunks,
                                         const std::function<bool(ChunkId)>& is_wanted) {
  const Query parsed = parse(query, all_chunks);
  std::vector<std::string> phrases, words;
  for (const Query::Phrase& phrase : parsed.phrases) phrases.push_back(fts_string(phrase.terms));
  for (const Term& term : parsed.terms) {
    if (term.chunks == 0) continue;
    for (const std::string& each : term.alternatives) words.push_back(fts_string(each));
  }
  const double ceiling = parsed.ceiling(all_chunks);
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
