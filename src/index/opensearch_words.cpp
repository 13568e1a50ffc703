#include "index/opensearch_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>

#include "text/code_point_count.h"

namespace oko::index {
namespace {

using nlohmann::json;

constexpr std::size_t kMostForms = 200;
/// What a word in the heading adds, as a share of its idf: what BM25 gives more to a word that a
/// text of usual length has twice.
constexpr double kHeadingShare = 0.17;

/// A regular expression of Lucene for words that have `part` in them.
std::string expression_of(std::string_view part) {
  std::string text = ".*";
  for (const char c : part) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && std::isalnum(byte) == 0) text += '\\';
    text += c;
  }
  return text + ".*";
}

/// As Lucene computes it.
double lucene_idf(std::uint64_t chunks, std::uint64_t all_chunks) {
  const auto with = static_cast<double>(chunks);
  const double without = std::max(0.0, static_cast<double>(all_chunks) - with);
  return std::log1p((without + 0.5) / (with + 0.5));
}

}  // namespace

std::uint64_t OpenSearchVocabulary::all_chunks() {
  if (!all_chunks_) chunks_with({});
  return *all_chunks_;
}

std::vector<std::uint64_t> OpenSearchVocabulary::chunks_with(std::span<const std::string> terms) {
  json filters = json::array();
  for (const std::string& term : terms) filters.push_back({{"term", {{"words", term}}}});
  json body{{"size", 0}, {"track_total_hits", true}, {"query", state_.visible("chunk")}};
  if (!filters.empty()) body["aggs"]["words"]["filters"]["filters"] = filters;
  const json found = client_.search(body);
  all_chunks_ = found.at("hits").at("total").value("value", std::uint64_t{0});
  std::vector<std::uint64_t> counts;
  if (filters.empty()) return counts;
  for (const json& bucket : found.at("aggregations").at("words").at("buckets")) {
    counts.push_back(bucket.value("doc_count", std::uint64_t{0}));
  }
  counts.resize(terms.size());
  return counts;
}

std::vector<std::string> OpenSearchVocabulary::forms_with(std::string_view part) {
  json body{{"size", 0}, {"query", state_.visible("chunk")}};
  body["aggs"]["forms"]["terms"] = {
      {"field", "forms"}, {"include", expression_of(part)}, {"size", kMostForms}};
  const json found = client_.search(body);
  std::vector<std::string> forms;
  for (const json& bucket : found.at("aggregations").at("forms").at("buckets")) {
    forms.push_back(bucket.value("key", ""));
  }
  return forms;
}

std::vector<std::string> OpenSearchVocabulary::forms_near(std::string_view form) {
  json body{{"size", 0}};
  body["suggest"]["forms"] = {{"text", form},
                              {"term",
                               {{"field", "forms"},
                                {"suggest_mode", "always"},
                                {"max_edits", 2},
                                {"prefix_length", 0},
                                {"min_word_length", 4},
                                {"accuracy", 0.0},
                                {"size", kMostForms}}}};
  const json found = client_.search(body);
  std::vector<std::string> forms;
  for (const json& word : found.at("suggest").at("forms")) {
    for (const json& option : word.at("options")) forms.push_back(option.value("text", ""));
  }
  return forms;
}

OpenSearchWords words_query(const WordQuery& parsed, OpenSearchVocabulary& vocabulary,
                            const json& visible) {
  OpenSearchWords words;
  json must = json::array(), should = json::array();
  const std::uint64_t all = vocabulary.all_chunks();
  for (const std::vector<std::string>& phrase : parsed.phrases) {
    must.push_back(
        {{"match_phrase", {{"words", {{"query", fmt::format("{}", fmt::join(phrase, " "))}}}}}});
    for (const std::uint64_t chunks : vocabulary.chunks_with(phrase)) {
      words.ceiling += lucene_idf(chunks, all);
    }
  }
  for (const QueryTerm& term : parsed.terms) {
    const double idf = lucene_idf(term.chunks, all);
    words.ceiling += term.weight() * idf;
    if (term.chunks == 0) continue;
    for (const std::string& each : term.alternatives) {
      should.push_back({{"term", {{"words", each}}}});
      should.push_back(
          {{"term", {{"heading_words", {{"value", each}, {"boost", kHeadingShare * idf}}}}}});
    }
  }
  if (must.empty() && should.empty()) return words;
  words.query = visible;
  json& conditions = words.query.at("bool");
  conditions["must"] = must;
  conditions["should"] = should;
  conditions["minimum_should_match"] = must.empty() ? 1 : 0;
  return words;
}

}  // namespace oko::index
