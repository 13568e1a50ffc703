#include "index/words_tokenizer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

namespace oko::index {
namespace {

namespace fs = std::filesystem;

class WordsTokenizerTest : public ::testing::Test {
 protected:
  WordsTokenizerTest()
      : path_(fs::temp_directory_path() / ("oko_words_" + std::to_string(::getpid()))),
        database_(path_, SqliteDatabase::Access::kCreate) {
    register_words_tokenizer(database_);
    database_.run("CREATE VIRTUAL TABLE words USING fts5(text, tokenize='oko_words')");
    for (const char* text :
         {"Квитанция об оплате, счёт ИНВ-00417/А", "Оплачен счет INV-00418/B", "a cup of tea"}) {
      SqliteStatement(database_, "INSERT INTO words(text) VALUES(?1)").bind(1, text).run();
    }
  }
  ~WordsTokenizerTest() override { fs::remove(path_); }

  std::vector<std::int64_t> matches(const std::string& query) {
    std::vector<std::int64_t> rows;
    SqliteStatement select(database_,
                           "SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rowid");
    select.bind(1, query);
    while (select.step()) rows.push_back(select.integer(0));
    return rows;
  }

  const fs::path path_;
  SqliteDatabase database_;
};

using Rows = std::vector<std::int64_t>;

TEST_F(WordsTokenizerTest, TermsOfAQueryAreTakenAsTheyAre) {
  EXPECT_EQ(matches("\"счет\""), (Rows{1, 2}));
  EXPECT_EQ(matches("\"счёт\""), Rows{});
}

TEST_F(WordsTokenizerTest, CodeSharesThePositionOfItsLastPart) {
  EXPECT_EQ(matches("\"инв-00417/а\""), Rows{1});
  EXPECT_EQ(matches("\"счет\x1fинв\x1f"
                    "00417\x1fа\""),
            Rows{1});
  EXPECT_EQ(matches("\"00418\""), Rows{2});
}

TEST_F(WordsTokenizerTest, DeletedTextIsNotFound) {
  database_.run("DELETE FROM words WHERE rowid = 1");
  EXPECT_EQ(matches("\"счет\""), Rows{2});
  database_.run("INSERT INTO words(words) VALUES('integrity-check')");
}

TEST(WordsFingerprintTest, IsTheSameInOneBuild) {
  EXPECT_EQ(words_fingerprint(), words_fingerprint());
  EXPECT_EQ(words_fingerprint().size(), 16u);
}

}  // namespace
}  // namespace oko::index
