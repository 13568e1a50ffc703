#include "document/page_selection.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace oko::document {
namespace {

PageSelection parse(std::string_view text) {
  return PageSelection::parse(text, "--pages");
}

TEST(PageSelectionTest, PagesAreSortedAndOnce) {
  EXPECT_EQ(parse("5, 1-3,2").of(9), (std::vector<int>{0, 1, 2, 4}));
  EXPECT_EQ(parse("8-").of(9), (std::vector<int>{7, 8}));
  EXPECT_EQ(parse("3").of(9), (std::vector<int>{2}));
  EXPECT_EQ(PageSelection().of(3), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(PageSelection::only(2).of(3), (std::vector<int>{1}));
}

TEST(PageSelectionTest, AMissingPageIsTold) {
  EXPECT_EQ(parse("1-9").missing(9), 0);
  EXPECT_EQ(parse("1,10").missing(9), 10);
  EXPECT_EQ(parse("2-12").missing(9), 10);
  EXPECT_EQ(parse("9-").missing(9), 0);
  EXPECT_EQ(parse("10-").missing(9), 10);
}

TEST(PageSelectionTest, OtherTextsAreRefused) {
  for (const char* text : {"", "0", "-3", "3-1", "1,,2", "1,", "a", "1-2-3", "1.5", "99999999999",
                           "1;2", "--", "+1", "1 2"}) {
    try {
      parse(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      EXPECT_NE(std::string(error.what()).find("--pages"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace oko::document
