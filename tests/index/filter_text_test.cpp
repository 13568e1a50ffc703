#include "index/filter_text.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "index/library.h"

namespace oko::index {
namespace {

std::int64_t first_of(const std::string& text) {
  return second_of(text, std::string("from"), /*is_end=*/false);
}

std::int64_t last_of(const std::string& text) {
  return second_of(text, std::string("to"), /*is_end=*/true);
}

TEST(FilterTextTest, DatesAreTheirFirstAndTheirLastSecond) {
  constexpr std::int64_t kDay = 24 * 60 * 60;
  EXPECT_EQ(first_of("1970"), 0);
  EXPECT_EQ(last_of("1970"), 365 * kDay - 1);
  EXPECT_EQ(first_of("1970-02"), 31 * kDay);
  EXPECT_EQ(last_of("1970-01"), 31 * kDay - 1);
  EXPECT_EQ(last_of("1970-12"), last_of("1970"));
  EXPECT_EQ(first_of("1970-01-02"), kDay);
  EXPECT_EQ(last_of("1970-01-02"), 2 * kDay - 1);
  EXPECT_EQ(last_of("1972-02") + 1, first_of("1972-02-29") + kDay) << "of a leap year";
}

TEST(FilterTextTest, OtherTextsAreNoDates) {
  for (const char* text : {"", "24", "2024-", "2024-13", "2024-00", "2024-1", "2024-02-30",
                           "2024-01-01-", "2024-01-01-01", "2024/01", "год"}) {
    EXPECT_THROW(first_of(text), Error) << text;
  }
}

TEST(FilterTest, PathsAreFilesFoldersOrPatterns) {
  Document document;
  document.path = "/notes/2024/чай.txt";
  for (const char* path : {"", "/", "/notes", "/notes/", "/notes/2024/чай.txt", "*.txt", "*.txt**",
                           "/notes/*/???.txt", "*2024*"}) {
    EXPECT_TRUE(matches({.path = path}, document)) << path;
  }
  for (const char* path :
       {"/note", "/notes/2024/чай", "notes", "*.md", "*.tx", "/notes/????.txt"}) {
    EXPECT_FALSE(matches({.path = path}, document)) << path;
  }
}

}  // namespace
}  // namespace oko::index
