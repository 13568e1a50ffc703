#include "ocr/page.h"

#include <gtest/gtest.h>

#include <vector>

namespace oko::ocr {
namespace {

/// The blocks of lines with these boxes.
std::vector<int> blocks_of(const std::vector<Box>& boxes) {
  Page page{1000, 1000, {}};
  for (const Box& box : boxes) page.lines.push_back({{{"слово", box, 1, {}}}, box, 1, 7});
  number_blocks(page);
  std::vector<int> blocks;
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

TEST(PageTest, APriceBesideItsNameIsOfItsBlock) {
  EXPECT_EQ(blocks_of({{10, 10, 200, 20}, {700, 12, 60, 20}, {10, 36, 200, 20}, {700, 37, 60, 20}}),
            (std::vector<int>{0, 0, 0, 0}));
}

TEST(PageTest, ASecondColumnIsABlockOfItsOwn) {
  EXPECT_EQ(
      blocks_of({{10, 10, 300, 20}, {10, 36, 300, 20}, {500, 10, 300, 20}, {500, 36, 300, 20}}),
      (std::vector<int>{0, 0, 1, 1}));
}

TEST(PageTest, TextOfBlocksIsParted) {
  Page page{
      100, 100, {{{{"a", {}, 1, {}}, {"б", {}, 1, {}}}, {}, 1, 0}, {{{"c", {}, 1, {}}}, {}, 1, 1}}};
  EXPECT_EQ(page.text(), "a б\n\nc\n");
  EXPECT_EQ(Page{}.text(), "");
}

}  // namespace
}  // namespace oko::ocr
