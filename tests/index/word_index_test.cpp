#include "index/word_index.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>

#include "index/form_index.h"
#include "index/sqlite_schema.h"
#include "index/words_tokenizer.h"

namespace oko::index {
namespace {

namespace fs = std::filesystem;

constexpr int kChunks = 3000;

class WordIndexTest : public ::testing::Test {
 protected:
  WordIndexTest()
      : path_(fs::temp_directory_path() /
              fmt::format("oko_words_{}_{}", ::getpid(),
                          ::testing::UnitTest::GetInstance()->current_test_info()->name())),
        database_(path_, SqliteDatabase::Access::kCreate) {
    register_words_tokenizer(database_);
    create_schema(database_, {.name = "tiny",
                              .fingerprint = "f",
                              .dimensions = 64,
                              .colbert_dimensions = 0,
                              .has_sparse = false,
                              .kernels = "test"});
  }
  ~WordIndexTest() override {
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path_.string() + suffix);
  }

  const fs::path path_;
  SqliteDatabase database_;
};

/// The word of a number, which is its own stem.
std::string word(std::size_t number) {
  return fmt::format("w{}", number);
}

/// Texts of 5 to 40 words, of which word n is in about 1 / (n + 2) of them.
void fill(WordIndex& index, SqliteDatabase& database) {
  std::mt19937 random(1);
  SqliteTransaction transaction(database);
  for (ChunkId chunk = 1; chunk <= kChunks; ++chunk) {
    std::string text;
    const std::size_t words = 5 + random() % 36;
    for (std::size_t i = 0; i < words; ++i) {
      const double part = std::generate_canonical<double, 32>(random);
      text += word(static_cast<std::size_t>(2 * std::pow(500.0, part))) + " ";
    }
    const std::string heading = random() % 4 == 0 ? word(random() % 60) : std::string();
    index.add(chunk, text, heading);
  }
  transaction.commit();
}

ChunkSet all_chunks() {
  ChunkSet all;
  all.add(1, kChunks);
  return all;
}

struct Ranked {
  ChunkId chunk;
  double score;
};

/// What FTS5's own function says of all chunks with one of the words.
std::vector<Ranked> ranked_by_fts5(SqliteDatabase& database, const std::string& match) {
  SqliteStatement select(database,
                         "SELECT rowid, bm25(words, 1.0, 2.0) FROM words WHERE words MATCH ?1");
  select.bind(1, match);
  std::vector<Ranked> ranked;
  while (select.step()) ranked.push_back({select.integer(0), -select.real(1)});
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return a.score != b.score ? a.score > b.score : a.chunk < b.chunk;
  });
  return ranked;
}

double ceiling_of(SqliteDatabase& database, const std::vector<std::string>& words) {
  double sum = 0;
  for (const std::string& each : words) {
    SqliteStatement count(database, "SELECT count(*) FROM words WHERE words MATCH ?1");
    count.bind(1, each).step();
    const auto with = static_cast<double>(count.integer(0));
    sum += 2.2 * std::max(std::log((kChunks - with + 0.5) / (with + 0.5)), 1e-6);
  }
  return sum;
}

TEST_F(WordIndexTest, FindsWhatFts5RanksFirst) {
  // Few words decide, all count about the same, a frequent one beside rare ones, one alone.
  const std::vector<std::vector<std::size_t>> queries{
      {400, 900, 30, 40}, {30, 35, 40, 45, 50, 55}, {20, 700}, {25}, {60, 61, 62, 300}};
  WordIndex index(database_);
  fill(index, database_);
  for (const auto& query : queries) {
    std::vector<std::string> words;
    std::string text, match;
    for (const std::size_t number : query) {
      words.push_back(word(number));
      text += word(number) + " ";
      match += (match.empty() ? "" : " OR ") + word(number);
    }
    const std::vector<Ranked> expected = ranked_by_fts5(database_, match);
    const double ceiling = ceiling_of(database_, words);
    for (const std::size_t count : {1, 10, 100}) {
      const auto found = index.find(text, count, kChunks, all_chunks());
      ASSERT_EQ(found.size(), std::min(count, expected.size())) << text;
      for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_NEAR(found[i].score, expected[i].score / ceiling, 1e-6) << text << i;
      }
      EXPECT_EQ(found.front().chunk, expected.front().chunk);
    }
  }
}

TEST_F(WordIndexTest, LooksAmongTheWantedOnly) {
  WordIndex index(database_);
  fill(index, database_);
  ChunkSet wanted;
  wanted.add(100, 50);
  wanted.add(2000, 10);
  std::vector<ChunkId> expected;
  for (const Ranked& each : ranked_by_fts5(database_, "w20 OR w30 OR w40 OR w400")) {
    if (wanted.contains(each.chunk)) expected.push_back(each.chunk);
  }
  std::vector<ChunkId> found;
  for (const ScoredChunk& each : index.find("w20 w30 w40 w400", 1000, kChunks, wanted)) {
    found.push_back(each.chunk);
  }
  EXPECT_EQ(found, expected);
  EXPECT_TRUE(index.find("w20", 10, kChunks, ChunkSet()).empty());
}

TEST_F(WordIndexTest, AnswersAnewAfterAChange) {
  WordIndex index(database_);
  fill(index, database_);
  EXPECT_EQ(index.terms_of("w99999", kChunks), std::vector<std::string>());
  index.add(kChunks + 1, "w99999", {});
  EXPECT_EQ(index.terms_of("w99999", kChunks), std::vector<std::string>{"w99999"});
}

using Forms = std::vector<std::string>;

TEST_F(WordIndexTest, SimilarFormsDifferInTheFewestLetters) {
  FormIndex forms(database_);
  for (const char* form :
       {"заговорщики", "договор", "договоры", "квитанция", "квитанцию", "заявление", "чаша"}) {
    forms.add(form);
  }
  EXPECT_EQ(forms.with("вито"), Forms{});
  EXPECT_EQ(forms.with("говор"), (Forms{"договор", "договоры", "заговорщики"}))
      << "short ones first";
  EXPECT_EQ(forms.with("витан"), (Forms{"квитанция", "квитанцию"}));
  EXPECT_EQ(forms.with("оговор"), (Forms{"договор", "договоры"}));
  for (const char* wrong : {"догвоор", "логовор", "договод", "доовор"}) {
    EXPECT_EQ(forms.near(wrong), Forms{"договор"}) << wrong;
  }
  // Two letters of a long word: at its beginning, in the middle, at its end, far apart.
  for (const char* wrong : {"ааявлание", "заывоение", "заявлензз", "ваявлениу", "завяленеи"}) {
    EXPECT_EQ(forms.near(wrong), Forms{"заявление"}) << wrong;
  }
  EXPECT_EQ(forms.near("квитанциа"), (Forms{"квитанцию", "квитанция"}));
  EXPECT_EQ(forms.near("чашк"), Forms{"чаша"});
  EXPECT_EQ(forms.near("чешк"), Forms{});
}

}  // namespace
}  // namespace oko::index
