#include "index/beir_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/scratch_folder.h"

namespace oko::index {
namespace {

class BeirFolderTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    std::filesystem::create_directory(folder_ / "qrels");
  }

  void write(const char* name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  std::vector<BeirRecord> documents() const {
    std::vector<BeirRecord> all;
    BeirFolder(folder_).for_each_document([&](BeirRecord each) { all.push_back(std::move(each)); });
    return all;
  }

  std::string corpus_failure(std::string_view text, ErrorCode code = ErrorCode::kBadInput) const {
    write("corpus.jsonl", text);
    return message_of([&] { documents(); }, code);
  }

  std::string judgments_failure(std::string_view text, Language language) const {
    write("qrels/test.tsv", text);
    return message_of([&] { BeirFolder(folder_).judgments("test"); }, ErrorCode::kBadInput,
                      language);
  }
};

TEST_F(BeirFolderTest, AReadErrorIsNoEndOfTheFile) {
  const std::string failing = "/proc/self/mem";  // no memory is at its first addresses
  if (!std::filesystem::exists(failing)) GTEST_SKIP() << "no file of this system fails to be read";
  const std::filesystem::path corpus = folder_ / "corpus.jsonl";
  std::filesystem::create_symlink(failing, corpus);
  EXPECT_EQ(message_of([&] { documents(); }, ErrorCode::kBadInput),
            corpus.string() + ": cannot be read: Input/output error");
}

TEST_F(BeirFolderTest, ReadsDocuments) {
  write("corpus.jsonl",
        "{\"_id\": \"d1\", \"title\": \"Чек\", \"text\": \"Молоко 3,2 %\", \"metadata\": "
        "{\"language\": \"ru\", \"pages\": 2}}\r\n"
        "\n"
        "{\"_id\": 17, \"text\": \"two\\nlines\", \"title\": null, \"metadata\": []}");
  const std::vector<BeirRecord> all = documents();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].id, "d1");
  EXPECT_EQ(all[0].title, "Чек");
  EXPECT_EQ(all[0].text, "Молоко 3,2 %");
  ASSERT_EQ(all[0].metadata.size(), 1u);
  EXPECT_EQ(all[0].metadata.at("language"), "ru");
  EXPECT_EQ(all[1].id, "17");
  EXPECT_EQ(all[1].title, "");
  EXPECT_EQ(all[1].text, "two\nlines");
  EXPECT_TRUE(all[1].metadata.empty());
}

TEST_F(BeirFolderTest, ReadsLinesThatAreLongerThanABlock) {
  const std::string text(3'000'000, 'x');
  write("corpus.jsonl", R"({"_id": "1", "text": ")" + text + "\"}\n" + R"({"_id": "2", "text": ")" +
                            text + "y\"}\n");
  const std::vector<BeirRecord> all = documents();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].text, text);
  EXPECT_EQ(all[1].text, text + "y");
}

TEST_F(BeirFolderTest, ReadsQueriesAndJudgments) {
  write("queries.jsonl", R"({"_id": "q1", "text": "где чек", "metadata": {"kind": "question"}})"
                         "\n"
                         R"({"_id": "q2", "text": "INV-7"})");
  const std::vector<BeirRecord> queries = BeirFolder(folder_).queries();
  ASSERT_EQ(queries.size(), 2u);
  EXPECT_EQ(queries[0].metadata.at("kind"), "question");
  EXPECT_EQ(queries[1].text, "INV-7");

  write("qrels/dev.tsv", "query-id\tcorpus-id\tscore\nq1\td 1\t2\nq1\td2\t-1\r\nq2\td1\t1");
  const auto judgments = BeirFolder(folder_).judgments("dev");
  ASSERT_EQ(judgments.size(), 2u);
  EXPECT_EQ(judgments.at("q1"), (Judgments{{"d 1", 2}, {"d2", -1}}));
  EXPECT_EQ(judgments.at("q2"), (Judgments{{"d1", 1}}));
}

TEST_F(BeirFolderTest, ReadsJudgmentsWithoutHeadings) {
  write("qrels/test.tsv", "\xEF\xBB\xBFq1\td1\t1\n");
  EXPECT_EQ(BeirFolder(folder_).judgments("test").at("q1"), (Judgments{{"d1", 1}}));
}

TEST_F(BeirFolderTest, EmptyFilesHaveNothing) {
  for (const char* name : {"corpus.jsonl", "queries.jsonl", "qrels/test.tsv"}) write(name, "");
  EXPECT_TRUE(documents().empty());
  EXPECT_TRUE(BeirFolder(folder_).queries().empty());
  EXPECT_TRUE(BeirFolder(folder_).judgments("test").empty());
}

TEST_F(BeirFolderTest, NamesFileAndLineOfBadDocument) {
  const std::string good = "{\"_id\": \"1\", \"text\": \"a\"}\n\n";
  const std::string file = (folder_ / "corpus.jsonl").string();
  EXPECT_EQ(corpus_failure(good + "{\"_id\": \"2\""),
            file + ", line 3: is not a JSON object: {\"_id\": \"2\"");
  EXPECT_EQ(corpus_failure(good + "[1]"), file + ", line 3: is not a JSON object: [1]");
  EXPECT_EQ(corpus_failure("{\"text\": \"a\"}"), file + ", line 1: has no \"_id\"");
  EXPECT_EQ(corpus_failure("{\"_id\": \"\", \"text\": \"a\"}"),
            file + ", line 1: \"_id\" is empty");
  EXPECT_EQ(corpus_failure("{\"_id\": \"1\"}"), file + ", line 1: has no \"text\"");
  EXPECT_EQ(corpus_failure("{\"_id\": \"1\", \"text\": 5}"),
            file + ", line 1: \"text\" is 5, expected a text");
  EXPECT_EQ(corpus_failure(good + "{\"_id\": \"\xFF\", \"text\": \"a\"}"),
            file + ", line 3: is not UTF-8");
}

TEST_F(BeirFolderTest, RefusesMissingFileAndEndlessLine) {
  EXPECT_NE(message_of([&] { documents(); }, ErrorCode::kNotFound).find("corpus.jsonl"),
            std::string::npos);
  std::string endless;
  endless.resize(66'000'000, 'x');
  EXPECT_EQ(corpus_failure(endless, ErrorCode::kTooLarge),
            (folder_ / "corpus.jsonl").string() + ", line 1: is longer than 64 MB");
}

TEST_F(BeirFolderTest, RefusesQueryThatIsThereTwice) {
  write("queries.jsonl", "{\"_id\": \"a\", \"text\": \"x\"}\n{\"_id\": \"a\", \"text\": \"y\"}\n");
  EXPECT_EQ(message_of([&] { BeirFolder(folder_).queries(); }, ErrorCode::kBadInput),
            (folder_ / "queries.jsonl").string() + ", line 2: \"_id\" a is there twice");
}

TEST_F(BeirFolderTest, RefusesDocumentThatIsThereTwice) {
  EXPECT_EQ(
      corpus_failure("{\"_id\": \"a\", \"text\": \"x\"}\n{\"_id\": \"a\", \"text\": \"y\"}\n"),
      (folder_ / "corpus.jsonl").string() + ", line 2: \"_id\" a is there twice");
}

TEST_F(BeirFolderTest, NamesFileAndLineOfBadJudgment) {
  const std::string file = (folder_ / "qrels/test.tsv").string();
  const std::string head = "query-id\tcorpus-id\tscore\n";
  EXPECT_EQ(judgments_failure(head + "q1 d1 2", Language::kEnglish),
            file + ", line 2: expected 3 fields with tabs between them: q1 d1 2");
  EXPECT_EQ(judgments_failure(head + "q1\td1\t2\tx", Language::kRussian),
            file + ", строка 2: нужны 3 поля через табуляцию: q1?d1?2?x");
  EXPECT_EQ(judgments_failure(head + "q\td\t1.5", Language::kEnglish),
            file + ", line 2: the score is not a whole number: q?d?1.5");
  EXPECT_EQ(judgments_failure(head + "q\td\t1\nq\td\t2", Language::kEnglish),
            file + ", line 3: d is judged twice for q");
}

}  // namespace
}  // namespace oko::index
