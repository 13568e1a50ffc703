#include "index/word_query.h"

#include <algorithm>
#include <utility>

#include "index/query_parts.h"
#include "index/word_reader.h"
#include "text/code_point_count.h"
#include "text/edit_distance.h"

namespace oko::index {
namespace {

constexpr std::size_t kLeastPart = 3;  ///< letters
constexpr std::size_t kMaxTerms = 64;  ///< of a query; a page of text is no question
constexpr std::size_t kMaxAlternatives = 16;
constexpr std::size_t kMaxKnownTerms = 10;  ///< that are looked for
constexpr std::size_t kMaxCommonTerms = 3;  ///< if there are no others

/// A word of a query, kept.
struct Word {
  std::string term;
  std::string form;
  bool is_code = false;
};

std::vector<std::string> phrase_of(std::string_view part) {
  std::vector<std::string> terms;
  WordReader().read(part, [&](const TextWord& word) {
    if (!word.is_code) terms.emplace_back(word.term);
    return true;
  });
  return terms;
}

void add_words(std::string_view part, std::vector<Word>& words) {
  WordReader().read(part, [&](const TextWord& word) {
    const auto is_same = [&](const Word& known) { return known.term == word.term; };
    if (std::none_of(words.begin(), words.end(), is_same)) {
      words.push_back({std::string(word.term), std::string(word.form), word.is_code});
    }
    return words.size() < kMaxTerms;
  });
}

std::vector<std::string> similar_forms(const Word& word, Vocabulary& vocabulary) {
  const std::string& form = word.form;
  const std::size_t letters = text::code_point_count(form);
  if (letters < kLeastPart) return {};
  std::vector<std::string> found = vocabulary.forms_with(form);
  // Another number is another thing, not a mistake in typing.
  const bool has_digit = form.find_first_of("0123456789") != std::string_view::npos;
  if (word.is_code || has_digit) return found;
  // A few letters from the middle of a long word say nothing of it.
  std::erase_if(found, [&](const std::string& each) {
    return !each.starts_with(form) && text::code_point_count(each) > 2 * letters;
  });
  if (!found.empty() || letters <= kLeastPart) return found;
  const std::size_t most = letters < 8 ? 1 : 2;
  std::size_t least = most;
  std::vector<std::pair<std::size_t, std::string>> close;
  for (std::string& each : vocabulary.forms_near(form)) {
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

void add_alternatives(const Word& word, Vocabulary& vocabulary, QueryTerm& term) {
  std::vector<std::string> stems;
  WordReader reader;
  for (const std::string& similar : similar_forms(word, vocabulary)) {
    std::string stem;
    reader.read(similar, [&](const TextWord& each) {
      stem = each.term;  // of a code the last one, which is the whole
      return true;
    });
    const bool is_known =
        stem == word.term || std::find(stems.begin(), stems.end(), stem) != stems.end();
    if (!is_known && stems.size() < kMaxAlternatives) stems.push_back(std::move(stem));
  }
  if (stems.empty()) return;
  for (const std::uint64_t chunks : vocabulary.chunks_with(stems)) term.chunks += chunks;
  term.chunks = std::min(term.chunks, vocabulary.all_chunks());  // some have several of them
  for (std::string& stem : stems) term.alternatives.push_back(std::move(stem));
}

/// Leaves the rarest words that chunks have: the others cost time and change little.
void keep_rarest(std::vector<QueryTerm>& terms, std::size_t most) {
  std::vector<std::uint64_t> counts;
  for (const QueryTerm& term : terms) {
    if (term.chunks > 0) counts.push_back(term.chunks);
  }
  if (counts.size() <= most) return;
  std::sort(counts.begin(), counts.end());
  counts.resize(most);
  auto places = std::count(counts.begin(), counts.end(), counts.back());  // of the most frequent
  std::erase_if(terms, [&](const QueryTerm& term) {
    return term.chunks > counts.back() || (term.chunks == counts.back() && --places < 0);
  });
}

/// Leaves the words that tell chunks apart. Returns false if there are none.
bool keep_telling(std::uint64_t all_chunks, std::vector<QueryTerm>& terms) {
  constexpr std::uint64_t kFewChunks = 20;
  const std::uint64_t most = std::max(kFewChunks, all_chunks / 5);
  const auto is_common = [&](const QueryTerm& term) { return term.chunks > most; };
  const auto is_rare = [&](const QueryTerm& term) { return term.chunks > 0 && !is_common(term); };
  if (std::any_of(terms.begin(), terms.end(), is_rare)) {
    std::erase_if(terms, is_common);
    keep_rarest(terms, kMaxKnownTerms);
    return true;
  }
  if (std::any_of(terms.begin(), terms.end(), is_common)) keep_rarest(terms, kMaxCommonTerms);
  return false;
}

}  // namespace

std::vector<std::string> WordQuery::marked_terms() const {
  std::vector<std::string> marked;
  for (const QueryTerm& term : terms) {
    if (term.chunks == 0) continue;
    marked.insert(marked.end(), term.alternatives.begin(), term.alternatives.end());
  }
  for (const auto& phrase : phrases) marked.insert(marked.end(), phrase.begin(), phrase.end());
  return marked;
}

WordQuery parse_word_query(std::string_view query, Vocabulary& vocabulary) {
  WordQuery parsed;
  std::vector<Word> words;
  for (const QueryPart& part : query_parts(query)) {
    if (!part.is_phrase) {
      add_words(part.text, words);
    } else if (auto terms = phrase_of(part.text); !terms.empty()) {
      parsed.phrases.push_back(std::move(terms));
    }
  }
  parsed.is_telling = !parsed.phrases.empty();
  if (words.empty()) return parsed;
  std::vector<std::string> terms;
  terms.reserve(words.size());
  for (const Word& word : words) terms.push_back(word.term);
  const std::vector<std::uint64_t> chunks = vocabulary.chunks_with(terms);
  for (std::size_t i = 0; i < words.size(); ++i) {
    QueryTerm& term = parsed.terms.emplace_back();
    term.alternatives.push_back(words[i].term);
    term.chunks = chunks[i];
    if (term.chunks == 0) add_alternatives(words[i], vocabulary, term);
  }
  if (keep_telling(vocabulary.all_chunks(), parsed.terms)) parsed.is_telling = true;
  return parsed;
}

}  // namespace oko::index
