// The project's own evaluation set is whole: see data/evaluation/README.md.
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "index/beir_folder.h"
#include "text/normalize.h"

namespace oko::index {
namespace {

const std::filesystem::path kFolder = OKO_TEST_DATA "/evaluation";

std::vector<BeirRecord> all_documents() {
  std::vector<BeirRecord> documents;
  BeirFolder(kFolder).for_each_document(
      [&](BeirRecord each) { documents.push_back(std::move(each)); });
  return documents;
}

std::ptrdiff_t word_count(const std::string& text) {
  std::istringstream words(text);
  return std::distance(std::istream_iterator<std::string>(words), {});
}

bool is_normalized(const std::string& text) {
  std::string storage;
  return text::normalize_text(text, storage) == text;
}

bool has_cyrillic(const std::string& text) {
  return text.find_first_of("\xD0\xD1") != text.npos;
}

TEST(EvaluationSetTest, DocumentsAreDistinctAndNormalized) {
  std::set<std::string> ids, texts;
  for (const BeirRecord& each : all_documents()) {
    EXPECT_TRUE(ids.insert(each.id).second) << each.id;
    EXPECT_TRUE(texts.insert(each.text).second) << each.id;
    EXPECT_TRUE(is_normalized(each.text) && is_normalized(each.title)) << each.id;
    EXPECT_EQ(has_cyrillic(each.text), each.metadata.at("language") == "ru") << each.id;
    EXPECT_FALSE(each.metadata.at("kind").empty()) << each.id;
  }
}

TEST(EvaluationSetTest, LengthsAndCountsAreAsPromised) {
  struct Limits {
    std::ptrdiff_t min_words, max_words;
    int min_count;  ///< in each language
  };
  const std::map<std::string, Limits> limits{
      {"short", {20, 120, 130}}, {"picture", {7, 60, 12}}, {"long", {600, 2000, 30}}};
  std::map<std::string, int> counts, total;
  for (const BeirRecord& each : all_documents()) {
    const std::string& size = each.metadata.at("size");
    ASSERT_TRUE(limits.contains(size)) << each.id;
    EXPECT_GE(word_count(each.text), limits.at(size).min_words) << each.id;
    EXPECT_LE(word_count(each.text), limits.at(size).max_words) << each.id;
    ++counts[size + " " + each.metadata.at("language")];
    ++total[size];
  }
  for (const auto& [size, limit] : limits) {
    for (const char* language : {" ru", " en"}) {
      EXPECT_GE(counts[size + language], limit.min_count) << size << language;
    }
  }
  EXPECT_GE(total["short"], 300);
  EXPECT_GE(total["long"], 60);
  EXPECT_GE(total["picture"], 20);
}

TEST(EvaluationSetTest, PicturesAreThereAndSmall) {
  std::set<std::string> files;
  for (const BeirRecord& each : all_documents()) {
    const auto picture = each.metadata.find("picture");
    EXPECT_EQ(picture != each.metadata.end(), each.metadata.at("size") == "picture") << each.id;
    if (picture == each.metadata.end()) continue;
    files.insert(picture->second);
    EXPECT_LE(std::filesystem::file_size(kFolder / picture->second), 15'000u) << each.id;
  }
  for (const auto& entry : std::filesystem::directory_iterator(kFolder / "pictures")) {
    EXPECT_TRUE(files.contains("pictures/" + entry.path().filename().string())) << entry.path();
  }
}

TEST(EvaluationSetTest, QueriesAreDistinctAndOfEveryKind) {
  std::map<std::string, int> kinds;
  std::set<std::string> texts;
  for (const BeirRecord& each : BeirFolder(kFolder).queries()) {
    EXPECT_TRUE(texts.insert(each.text).second) << each.id;
    EXPECT_TRUE(is_normalized(each.text)) << each.id;
    ++kinds[each.metadata.at("kind") + " " + each.metadata.at("language")];
  }
  EXPECT_GE(texts.size(), 600u);
  for (const char* kind : {"paraphrase", "cross_language", "exact_code", "typo", "inflection",
                           "keyword", "question"}) {
    for (const char* language : {" ru", " en"}) EXPECT_GE(kinds[kind + std::string(language)], 12);
  }
  EXPECT_EQ(kinds.size(), 14u);
}

/// Each query is in one split, and one of its documents answers it.
TEST(EvaluationSetTest, JudgmentsCoverEachQueryOnce) {
  const BeirFolder folder(kFolder);
  std::map<std::string, std::string> language_of;
  for (const BeirRecord& each : all_documents()) {
    language_of[each.id] = each.metadata.at("language");
  }
  auto judgments = folder.judgments("test");
  const auto dev = folder.judgments("dev");
  EXPECT_GE(judgments.size(), 400u);
  EXPECT_GE(dev.size(), 190u);
  for (const auto& [query, of_query] : dev) {
    EXPECT_TRUE(judgments.emplace(query, of_query).second) << query << " is in both splits";
  }
  for (const BeirRecord& query : folder.queries()) {
    ASSERT_TRUE(judgments.contains(query.id)) << query.id;
    bool is_answered = false;
    for (const auto& [document, relevance] : judgments[query.id]) {
      ASSERT_TRUE(language_of.contains(document)) << query.id << ": " << document;
      EXPECT_TRUE(relevance == 1 || relevance == 2) << query.id << ": " << document;
      if (relevance == 1) continue;
      is_answered |= query.metadata.at("kind") != "cross_language" ||
                     language_of[document] != query.metadata.at("language");
    }
    EXPECT_TRUE(is_answered) << query.id;
    judgments.erase(query.id);
  }
  EXPECT_TRUE(judgments.empty()) << judgments.begin()->first << " is no query";
}

}  // namespace
}  // namespace oko::index
