#include "ocr/score.h"

#include <gtest/gtest.h>

namespace oko::ocr {
namespace {

std::size_t wrong(std::string_view truth, std::string_view read) {
  return compare_texts(truth, read).all_characters().wrong;
}

const ErrorCount& of(const std::array<ErrorCount, kScripts>& counts, Script script) {
  return counts[static_cast<std::size_t>(script)];
}

TEST(ScoreTest, CountsTheFewestEdits) {
  EXPECT_EQ(wrong("kitten", "sitting"), 3u);
  EXPECT_EQ(wrong("привет", "привет"), 0u);
  EXPECT_EQ(wrong("привет", "превед"), 2u);
  EXPECT_EQ(wrong("abc", ""), 3u);
  EXPECT_EQ(wrong("", "abc"), 3u);
  EXPECT_EQ(wrong("ab", "ba"), 2u);
}

TEST(ScoreTest, WhiteSpaceCountsOnceAndNotAtTheEnds) {
  EXPECT_EQ(wrong("one two\nthree", "  one   two three\n\n"), 0u);
  EXPECT_EQ(wrong("one two", "onetwo"), 1u);
}

TEST(ScoreTest, MissingTextCountsForItsScript) {
  const TextErrors errors = compare_texts("Привет CPU 42", "Привт CРU 4Z");
  EXPECT_EQ(of(errors.characters, Script::kCyrillic).wrong, 1u);
  EXPECT_EQ(of(errors.characters, Script::kCyrillic).total, 6u);
  EXPECT_EQ(of(errors.characters, Script::kLatin).wrong, 1u);
  EXPECT_EQ(of(errors.characters, Script::kLatin).total, 3u);
  EXPECT_EQ(of(errors.characters, Script::kOther).wrong, 1u);
  EXPECT_EQ(of(errors.words, Script::kCyrillic).wrong, 1u);
  EXPECT_EQ(of(errors.words, Script::kLatin).wrong, 1u);
  EXPECT_EQ(errors.all_words().total, 3u);
}

TEST(ScoreTest, InsertedTextCountsForItsOwnScript) {
  const TextErrors errors = compare_texts("дом", "дом x");
  EXPECT_EQ(of(errors.characters, Script::kLatin).wrong, 1u);
  EXPECT_EQ(of(errors.characters, Script::kOther).wrong, 1u);  // the space
  EXPECT_EQ(of(errors.characters, Script::kCyrillic).wrong, 0u);
}

TEST(ScoreTest, SumsOfPagesAreWeightedByTheirLength) {
  TextErrors all = compare_texts("aaaaaaaaaa", "aaaaaaaaaa");
  all += compare_texts("bb", "bc");
  EXPECT_EQ(all.all_characters().total, 12u);
  EXPECT_DOUBLE_EQ(all.all_characters().rate(), 1.0 / 12);
  EXPECT_EQ(TextErrors().all_characters().rate(), 0);
}

}  // namespace
}  // namespace oko::ocr
