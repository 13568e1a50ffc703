#include "document/page.h"

#include <gtest/gtest.h>

#include <vector>

namespace oko::document {
namespace {

/// The blocks of lines with these boxes.
std::vector<int> blocks_of(const std::vector<Box>& boxes) {
  Page page{1000, 1000, {}};
  page.lines.reserve(boxes.size());
  for (const Box& box : boxes) page.lines.push_back({{{"слово", box, 1, {}}}, box, 1, 7});
  number_blocks(page);
  std::vector<int> blocks;
  blocks.reserve(page.lines.size());
  for (const Line& line : page.lines) blocks.push_back(line.block);
  return blocks;
}

TEST(PageTest, LinesUnderEachOtherAreOneBlock) {
  EXPECT_EQ(blocks_of({{10, 10, 300, 20}, {10, 36, 250, 20}, {30, 66, 250, 20}}),
            (std::vector<int>{0, 0, 0}));
}

TEST(PageTest, AGapOfMoreThanALineEndsABlock) {
  EXPECT_EQ(blocks_of({{10, 10, 300, 20}, {10, 55, 250, 20}, {10, 80, 250, 20}}),
            (std::vector<int>{0, 1, 1}));
}

TEST(PageTest, PriceNextToItsNameBelongsToItsBlock) {
  EXPECT_EQ(blocks_of({{10, 10, 200, 20}, {700, 12, 60, 20}, {10, 36, 200, 20}, {700, 37, 60, 20}}),
            (std::vector<int>{0, 0, 0, 0}));
}

TEST(PageTest, ASecondColumnIsABlockOfItsOwn) {
  EXPECT_EQ(
      blocks_of({{10, 10, 300, 20}, {10, 36, 300, 20}, {500, 10, 300, 20}, {500, 36, 300, 20}}),
      (std::vector<int>{0, 0, 1, 1}));
}

TEST(PageTest, UnsureWordsAreMarked) {
  Page page{100, 100, {{{{"а", {}, 0.9f, {}}, {"b", {}, 0.3f, {}}}, {}, 1, 0}}};
  EXPECT_EQ(marked_text(page, 0.5f), "а [b?]\n");
  EXPECT_EQ(marked_text(page, 0), "а b\n");
  page.lines[0].words[1].source = TextSource::kTextLayer;
  EXPECT_EQ(marked_text(page, 0.5f), "а [b?]\n") << "a file that is not believed";
}

TEST(PageTest, SeparatesTextOfBlocks) {
  Page page{
      100, 100, {{{{"a", {}, 1, {}}, {"б", {}, 1, {}}}, {}, 1, 0}, {{{"c", {}, 1, {}}}, {}, 1, 1}}};
  EXPECT_EQ(page.text(), "a б\n\nc\n");
  EXPECT_EQ(Page{}.text(), "");
}

TEST(PageTest, BoxesFollowTheSizeOfThePicture) {
  Page page{100, 50, {}};
  page.lines.push_back({{{"word", {10, 20, 30, 5}, 1, "en"}}, {10, 20, 30, 5}, 1, 0});
  const Page larger = resized(page, 200, 200);
  EXPECT_EQ(larger.width, 200);
  EXPECT_EQ(larger.height, 200);
  EXPECT_EQ(larger.lines[0].box, (Box{20, 80, 60, 20}));
  EXPECT_EQ(larger.lines[0].words[0].box, (Box{20, 80, 60, 20}));
}

}  // namespace
}  // namespace oko::document
