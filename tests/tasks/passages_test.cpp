#include "tasks/passages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

#include "base/stop_token.h"
#include "tasks/read_documents.h"
#include "tests/support/scratch_folder.h"

namespace oko::tasks {
namespace {

/// A token a word.
std::size_t words_of(std::string_view text) {
  std::size_t words = 0;
  bool in_word = false;
  for (const char c : text) {
    const bool is_space = c == ' ' || c == '\n';
    words += !is_space && !in_word;
    in_word = !is_space;
  }
  return words;
}

document::Line line_of(const std::vector<std::string>& words, float top, int block = 0) {
  document::Line line;
  for (const std::string& word : words) {
    line.words.push_back({.text = word, .box = {}, .language = {}});
  }
  line.box = {10, top, 100, 20};
  line.block = block;
  return line;
}

TEST(PassagesTest, PageKeepsThePlacesOfItsLines) {
  document::Page page{.width = 200, .height = 400, .lines = {}};
  page.lines = {line_of({"Чек", "№", "7"}, 20), line_of({"Итого", "120"}, 60, 1)};
  const auto passages = passages_of(page, 3, {}, words_of);
  ASSERT_EQ(passages.size(), 1u);
  const index::Chunk& passage = passages[0];
  EXPECT_EQ(passage.page, 3);
  EXPECT_EQ(passage.page_width, 200);
  EXPECT_EQ(passage.page_height, 400);
  EXPECT_EQ(passage.origin, index::TextOrigin::kRecognized);
  ASSERT_EQ(passage.lines.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const index::LinePlace& place = passage.lines[i];
    EXPECT_EQ(passage.text.substr(place.begin, place.end - place.begin), page.lines[i].text());
  }
  EXPECT_EQ(passage.lines[1].box, (index::PageBox{0.05f, 0.15f, 0.5f, 0.05f}));
}

TEST(PassagesTest, LongPageIsCutAndEachPartHasItsOwnLines) {
  document::Page page{.width = 200, .height = 4000, .lines = {}};
  page.source = document::TextSource::kTextLayer;
  for (int i = 0; i < 100; ++i) {
    page.lines.push_back(line_of({"Слово", "номер", std::to_string(i) + "."}, 40.0f * i));
  }
  const auto passages = passages_of(page, 1, {.max_tokens = 40, .overlap_tokens = 6}, words_of);
  ASSERT_GT(passages.size(), 6u);
  std::vector<bool> seen(100);
  for (const index::Chunk& passage : passages) {
    EXPECT_LE(words_of(passage.text), 40u);
    EXPECT_EQ(passage.origin, index::TextOrigin::kFile);
    for (const index::LinePlace& place : passage.lines) {
      ASSERT_LE(place.end, passage.text.size());
      const auto number = static_cast<std::size_t>(std::lround(place.box.top * 4000 / 40));
      const std::string text = passage.text.substr(place.begin, place.end - place.begin);
      EXPECT_NE(page.lines[number].text().find(text), std::string::npos) << text;
      seen[number] = true;
    }
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 100);
}

TEST(PassagesTest, EmptyPageHasNone) {
  EXPECT_TRUE(
      passages_of(document::Page{.width = 10, .height = 10, .lines = {}}, 1, {}, words_of).empty());
}

TEST(PassagesTest, TextFileHasNoPlaces) {
  document::TextDocument document;
  document.blocks = {{.text = "Первый абзац."}, {.text = "Second paragraph."}};
  const auto passages = passages_of(document, {}, words_of);
  ASSERT_EQ(passages.size(), 1u);
  EXPECT_EQ(passages[0].text, "Первый абзац.\n\nSecond paragraph.");
  EXPECT_EQ(passages[0].page, 0);
  EXPECT_TRUE(passages[0].lines.empty());
}

using ReadDocumentsTest = ScratchFolderTest;

TEST_F(ReadDocumentsTest, AStopEndsTheWorkOnALargeText) {
  const std::string path = (folder_ / "a.txt").string();
  std::ofstream text(path);
  for (int i = 0; i < 1000; ++i) text << "Some words of a sentence. ";
  text.close();
  const StopSource source;
  int counted = 0;
  const auto count = [&](std::string_view part) {
    if (++counted == 10) source.request_stop();
    return words_of(part);
  };
  message_of(
      [&] {
        read_documents(
            {path}, {}, count, [](const auto&) { return SameContent{}; },
            [](const ReadDocument&) { ADD_FAILURE(); }, source.get_token());
      },
      ErrorCode::kCancelled);
  EXPECT_EQ(counted, 10);
}

}  // namespace
}  // namespace oko::tasks
