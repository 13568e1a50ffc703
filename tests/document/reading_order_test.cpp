#include "document/reading_order.h"

#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/sanitizers.h"

namespace oko::document {
namespace {

/// A word of a page: 10 high, 8 a letter.
struct Placed {
  std::string text;
  float left;
  float top;
};

/// Lines with "/" between them.
std::string order(const std::vector<Placed>& words) {
  std::vector<PlacedWord> places;
  places.reserve(words.size());
  for (const Placed& word : words) {
    places.push_back({{word.left, word.left + 8 * static_cast<float>(word.text.size())},
                      {word.top, word.top + 10}});
  }
  std::string text;
  for (const auto& line : reading_order(places)) {
    text += text.empty() ? "" : "/";
    for (std::size_t i = 0; i < line.size(); ++i) text += (i > 0 ? " " : "") + words[line[i]].text;
  }
  return text;
}

const std::vector<Placed> kLeft = {{"aa", 0, 20}, {"ab", 20, 20}, {"ac", 0, 32}, {"ad", 0, 44}};
const std::vector<Placed> kRight = {{"ba", 100, 20}, {"bb", 100, 32}, {"bc", 100, 44}};

std::vector<Placed> joined(std::vector<Placed> a, const std::vector<Placed>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(ReadingOrderTest, ReadsColumnsInColumns) {
  EXPECT_EQ(order(joined(kLeft, kRight)), "aa ab/ac/ad/ba/bb/bc");
}

TEST(ReadingOrderTest, ReadsRowsInRows) {
  EXPECT_EQ(order({{"aa", 0, 20},
                   {"ab", 20, 20},
                   {"ba", 100, 20},
                   {"ac", 0, 32},
                   {"bb", 100, 32},
                   {"ad", 0, 44},
                   {"bc", 100, 44}}),
            "aa ab ba/ac bb/ad bc");
}

/// Rows of two columns, with lines of `left` and `right`, written line by line.
std::vector<Placed> in_turn(const std::vector<std::string>& left,
                            const std::vector<std::string>& right) {
  std::vector<Placed> words;
  for (std::size_t row = 0; row < left.size(); ++row) {
    for (const auto& [line, begin] : {std::pair(left[row], 0.0f), std::pair(right[row], 300.0f)}) {
      std::istringstream list(line);
      float at = begin;
      for (std::string word; list >> word; at += 8 * static_cast<float>(word.size()) + 4) {
        words.push_back({word, at, 12 * static_cast<float>(row)});
      }
    }
  }
  return words;
}

TEST(ReadingOrderTest, ReadsInterleavedColumnsOfProseInColumns) {
  const std::vector<std::string> left = {"it was the best of times", "it was the worst of time",
                                         "it was the age of wisdom", "it was the age of foolery",
                                         "it was the epoch of bel-", "ief"},
                                 right = {"call me ishmael. some ye", "ars ago never mind how l",
                                          "ong precisely having lit", "tle or no money in my pu",
                                          "rse and nothing at all t", "o interest me on shore"};
  EXPECT_NE(order(in_turn(left, right)).find("of bel-/ief/call me ishmael. some ye/ars ago"),
            std::string::npos);
  const std::vector<std::string> names = {
      "a bolt of steel", "a nut of brass and of steel",      "two rings of rubber",
      "a washer of tin", "six of the long screws that hold", "one more nut"};
  EXPECT_NE(order(in_turn(names, right)).find("a bolt of steel call me"), std::string::npos)
      << "cells of a table";
  const std::vector<std::string> times(right.size(), "Nov 29 10:57:07");
  EXPECT_NE(order(in_turn(times, right)).find("10:57:07 call me ishmael. some ye/Nov"),
            std::string::npos)
      << "a log";
}

TEST(ReadingOrderTest, ATitleOverColumnsAndALineUnderThemStayThere) {
  std::vector<Placed> words{{"the_title_of_both_columns", 0, 0}};
  words = joined(joined(words, kLeft), kRight);
  words.push_back({"a_footer_under_both_columns", 0, 70});
  EXPECT_EQ(order(words),
            "the_title_of_both_columns/aa ab/ac/ad/ba/bb/bc/a_footer_under_both_columns");
}

TEST(ReadingOrderTest, LinesWrittenOutOfOrderAreReadFromTheTopDown) {
  EXPECT_EQ(order({{"last", 0, 60}, {"second", 0, 20}, {"b", 30, 0}, {"a", 0, 0}}),
            "a b/second/last");
}

TEST(ReadingOrderTest, ASumAtTheEndOfALineBelongsToIt) {
  EXPECT_EQ(order({{"bread", 0, 0}, {"milk", 0, 12}, {"total", 0, 24}, {"5.00", 200, 24}}),
            "bread/milk/total 5.00");
}

TEST(ReadingOrderTest, SeparatesColumnsWithLinesAtDifferentHeights) {
  EXPECT_EQ(order({{"aa", 0, 0},
                   {"ab", 0, 12},
                   {"ac", 0, 24},
                   {"ba", 100, 6},
                   {"bb", 100, 18},
                   {"bc", 100, 30}}),
            "aa/ab/ac/ba/bb/bc");
}

TEST(ReadingOrderTest, ThreeColumnsAndNestedOnesAreReadOneAfterTheOther) {
  EXPECT_EQ(order({{"aa", 0, 0},
                   {"ab", 0, 12},
                   {"ba", 60, 0},
                   {"bb", 60, 12},
                   {"ca", 120, 0},
                   {"cb", 120, 12}}),
            "aa/ab/ba/bb/ca/cb");
}

TEST(ReadingOrderTest, FlatWordsTakeLinearTime) {
  std::vector<PlacedWord> words;
  for (int i = 0; i < 200; ++i) {
    const int row = i / 4;
    const auto at = static_cast<float>(row);
    words.push_back(
        {{10.0f * static_cast<float>(i % 4), 10.0f * static_cast<float>(i % 4)}, {at, at}});
  }
  std::size_t count = 0;
  for (const auto& each : reading_order(words)) count += each.size();
  EXPECT_EQ(count, words.size());
}

TEST(ReadingOrderTest, ManyUnevenColumnsEndInTime) {
  constexpr int kRows = repetitions(40'000, 4'000);
  std::vector<PlacedWord> words;
  for (const float column : {0.0f, 100.0f}) {
    for (int row = 0; row < kRows; ++row) {
      const float top = 10 * static_cast<float>(row) + column / 20;
      words.push_back({{column, column + 20}, {top, top + 9}});
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto lines = reading_order(words);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  ASSERT_EQ(lines.size(), 2u * kRows);
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i].at(0), i);
}

TEST(ReadingOrderTest, NoWordsAreNoLines) {
  EXPECT_EQ(order({}), "");
}

}  // namespace
}  // namespace oko::document
