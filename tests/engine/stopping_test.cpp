#include "engine/stopping.h"

#include <gtest/gtest.h>

#include <string>

namespace oko::engine {
namespace {

/// The shown part of `text` when it arrives in pieces of `size` bytes.
std::string shown(StopStrings& stops, const std::string& text, std::size_t size) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); i += size) result += stops.push(text.substr(i, size));
  return result + stops.flush();
}

TEST(StopStringsTest, EndsBeforeTheFirstStopStringInPiecesOfAnySize) {
  for (std::size_t size = 1; size < 20; ++size) {
    StopStrings stops({"END", "конец"});
    EXPECT_EQ(shown(stops, "начало E EN конец END", size), "начало E EN ") << size;
    EXPECT_TRUE(stops.matched());
  }
}

TEST(StopStringsTest, NothingIsLostWithoutAStopString) {
  for (std::size_t size = 1; size < 20; ++size) {
    StopStrings stops({"ababc"});
    EXPECT_EQ(shown(stops, "abababab abab", size), "abababab abab") << size;
    EXPECT_FALSE(stops.matched());
  }
}

TEST(StopStringsTest, TextThatCannotBeginAStopStringIsShownAtOnce) {
  StopStrings stops({"xyz"});
  EXPECT_EQ(stops.push("hello x"), "hello ");
  EXPECT_EQ(stops.push("-"), "x-");
}

TEST(StopStringsTest, EmptyStopStringsDoNotStop) {
  StopStrings stops({""});
  EXPECT_EQ(stops.push("text"), "text");
  EXPECT_FALSE(stops.matched());
}

/// The number of tokens after which the detector fires; 0: not within `limit`.
template <typename Next>
int fires_after(Next next, int limit) {
  LoopDetector detector;
  for (int i = 0; i < limit; ++i) {
    if (detector.push(next(i))) return i + 1;
  }
  return 0;
}

TEST(LoopDetectorTest, OneTokenAgainAndAgain) {
  EXPECT_EQ(fires_after([](int) { return 7; }, 1000), 48);
}

TEST(LoopDetectorTest, ASentenceAgainAndAgainAfterAnotherText) {
  const auto next = [](int i) { return i < 100 ? 1000 + i : (i - 100) % 20; };
  EXPECT_EQ(fires_after(next, 1000), 100 + 6 * 20);
}

TEST(LoopDetectorTest, LongTextsListsAndShortRunsAreNoLoop) {
  EXPECT_EQ(fires_after([](int i) { return i * i % 9973; }, 5000), 0);
  EXPECT_EQ(fires_after([](int i) { return i % 65; }, 5000), 0) << "longer than the longest loop";
  EXPECT_EQ(fires_after([](int i) { return i % 40 < 39 ? 3 : i; }, 5000), 0);
  EXPECT_EQ(fires_after([](int i) { return i % 4 == 3 ? i : i % 4; }, 5000), 0)
      << "a numbered list";
}

}  // namespace
}  // namespace oko::engine
