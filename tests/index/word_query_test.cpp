#include "index/word_query.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace oko::index {
namespace {

/// The words of a library that a test makes up.
class KnownWords : public Vocabulary {
 public:
  std::uint64_t all_chunks() override { return all; }
  std::vector<std::uint64_t> chunks_with(std::span<const std::string> terms) override {
    std::vector<std::uint64_t> counts;
    for (const std::string& term : terms) {
      const auto found = chunks.find(term);
      counts.push_back(found == chunks.end() ? 0 : found->second);
    }
    return counts;
  }
  std::vector<std::string> forms_with(std::string_view part) override {
    std::vector<std::string> found;
    for (const std::string& form : forms) {
      if (form.find(part) != std::string::npos) found.push_back(form);
    }
    return found;
  }
  std::vector<std::string> forms_near(std::string_view) override { return forms; }

  std::uint64_t all = 1000;
  std::map<std::string, std::uint64_t> chunks;
  std::vector<std::string> forms;
};

std::vector<std::string> terms_of(const WordQuery& query) {
  std::vector<std::string> terms;
  for (const QueryTerm& term : query.terms) {
    if (term.chunks > 0) terms.push_back(term.alternatives.back());
  }
  return terms;
}

TEST(WordQueryTest, RarestWordsOfALongQueryCount) {
  KnownWords words;
  std::string query;
  for (int i = 10; i < 50; ++i) {
    const std::string word = fmt::format("w{}", i);
    words.chunks[word] = static_cast<std::uint64_t>(i);
    query += word + " ";
  }
  const std::vector<std::string> terms = terms_of(parse_word_query(query, words));
  ASSERT_EQ(terms.size(), 10u);
  EXPECT_EQ(terms.front(), "w10");
  EXPECT_EQ(terms.back(), "w19");
}

TEST(WordQueryTest, OfCommonWordsAloneTheRarestCount) {
  KnownWords words;
  words.chunks = {{"a1", 400}, {"a2", 300}, {"a3", 900}, {"a4", 500}, {"a5", 600}};
  EXPECT_EQ(terms_of(parse_word_query("a1 a2 a3 a4 a5", words)),
            (std::vector<std::string>{"a1", "a2", "a4"}));
  words.chunks["a6"] = 5;
  EXPECT_EQ(terms_of(parse_word_query("a1 a2 a3 a4 a5 a6", words)),
            (std::vector<std::string>{"a6"}));
}

TEST(WordQueryTest, WordsThatAreAsRareKeepTheirPlaces) {
  KnownWords words;
  std::string query;
  for (int i = 10; i < 50; ++i) {
    const std::string word = fmt::format("w{}", i);
    words.chunks[word] = i == 49 ? 1 : 2;
    query += word + " ";
  }
  const std::vector<std::string> terms = terms_of(parse_word_query(query, words));
  ASSERT_EQ(terms.size(), 10u);
  EXPECT_EQ(terms.front(), "w10");
  EXPECT_EQ(terms.back(), "w49");
}

TEST(WordQueryTest, AFewChunksAreNeverMany) {
  KnownWords words;
  words.all = 10;
  words.chunks = {{"a1", 5}};
  EXPECT_TRUE(parse_word_query("a1", words).is_telling);
}

TEST(WordQueryTest, OnlyTheFirstWordsOfAPageAreAsked) {
  KnownWords words;
  std::string query;
  for (int i = 0; i < 100; ++i) query += fmt::format("w{} ", i);
  EXPECT_EQ(parse_word_query(query, words).terms.size(), 64u);
}

TEST(WordQueryTest, NearestFormsAreTheAlternativesOfAnUnknownWord) {
  KnownWords words;
  const auto alternatives_of = [&](const std::string& word) {
    return parse_word_query(word, words).terms.at(0).alternatives;
  };
  using Terms = std::vector<std::string>;
  words.chunks = {{"abcdefgx", 3}, {"abcdefxx", 3}, {"abcdexx", 3}};
  words.forms = {"abcdefxx", "abcdefgx"};
  EXPECT_EQ(alternatives_of("abcdefgh"), (Terms{"abcdefgh", "abcdefgx"}));
  words.forms = {"abcdefxx"};
  EXPECT_EQ(alternatives_of("abcdefgh"), (Terms{"abcdefgh", "abcdefxx"}));
  words.forms = {"abcdexx"};
  EXPECT_EQ(alternatives_of("abcdefg"), Terms{"abcdefg"}) << "two letters of seven";
}

TEST(WordQueryTest, AlternativesAreNotMoreThanSixteenNorInMoreChunksThanThereAre) {
  KnownWords words;
  for (char last = 'a'; last < 'u'; ++last) {
    words.forms.push_back(std::string("xbc") + last);
    words.chunks[words.forms.back()] = 400;
  }
  const QueryTerm term = parse_word_query("xbc", words).terms.at(0);
  EXPECT_EQ(term.alternatives.size(), 17u) << "and itself";
  EXPECT_EQ(term.chunks, 1000u);
}

TEST(WordQueryTest, WordsOfPhrasesAreMarked) {
  KnownWords words;
  EXPECT_EQ(parse_word_query("\"green tea\"", words).marked_terms(),
            (std::vector<std::string>{"green", "tea"}));
}

TEST(WordQueryTest, LettersWithinALongWordAreNoPartOfIt) {
  KnownWords words;
  words.forms = {"бывшими", "фотография", "инв-00417"};
  words.chunks = {{"бывш", 3}, {"фотограф", 3}, {"00417", 3}, {"инв-00417", 3}, {"инв", 3}};
  EXPECT_EQ(terms_of(parse_word_query("вши", words)), std::vector<std::string>{});
  EXPECT_EQ(terms_of(parse_word_query("фото", words)), std::vector<std::string>{"фотограф"});
  EXPECT_EQ(terms_of(parse_word_query("0417", words)), std::vector<std::string>{"инв-00417"});
}

TEST(WordQueryTest, QuotationMarkBehindAWordOpensNoPhrase) {
  KnownWords words;
  const auto phrases_of = [&](std::string_view query) {
    return parse_word_query(query, words).phrases;
  };
  using Phrases = std::vector<std::vector<std::string>>;
  EXPECT_EQ(phrases_of("5\" диск"), Phrases{});
  EXPECT_EQ(phrases_of("5\" диск 3\""), Phrases{});
  EXPECT_EQ(phrases_of("\"диск"), Phrases{});
  EXPECT_EQ(phrases_of("дюйм\" и 3\""), Phrases{});
  EXPECT_EQ(phrases_of("5\" \"диск\""), (Phrases{{"диск"}}));
  EXPECT_EQ(phrases_of("(\"диск\")"), (Phrases{{"диск"}}));
  EXPECT_EQ(phrases_of("—\"диск\""), (Phrases{{"диск"}}));
  EXPECT_EQ(phrases_of("имя«диск»"), (Phrases{{"диск"}}));
  EXPECT_EQ(phrases_of("\"диск!\" и \"сок\""), (Phrases{{"диск"}, {"сок"}}));
}

}  // namespace
}  // namespace oko::index
