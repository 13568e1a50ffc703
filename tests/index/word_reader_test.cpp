#include "index/word_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace oko::index {
namespace {

using Words = std::vector<std::string>;

Words terms(std::string_view text) {
  Words found;
  WordReader().read(text, [&](const TextWord& word) {
    found.emplace_back(word.term);
    return true;
  });
  return found;
}

TEST(WordReaderTest, WordsAreStemsInLowerCase) {
  EXPECT_EQ(terms("Чеки из аптеки, 2 receipts!"), (Words{"чек", "из", "аптек", "2", "receipt"}));
  EXPECT_EQ(terms("ЁЛКА ёлка елка"), (Words{"елк", "елк", "елк"}));
}

TEST(WordReaderTest, CodesAreFoundWholeAndInParts) {
  EXPECT_EQ(terms("счёт ИНВ-00417/А от"),
            (Words{"счет", "инв", "00417", "а", "инв-00417/а", "от"}));
  EXPECT_EQ(terms("12.05.2024"), (Words{"12", "05", "2024", "12.05.2024"}));
}

TEST(WordReaderTest, HyphenatedWordsWithoutDigitsAreNoCodes) {
  EXPECT_EQ(terms("по-русски well-known"), (Words{"по", "русск", "well", "known"}));
}

TEST(WordReaderTest, FullStopEndsACode) {
  EXPECT_EQ(terms("No. A-17. Next"), (Words{"no", "a", "17", "a-17", "next"}));
}

TEST(WordReaderTest, ApostrophesAreInsideEnglishWords) {
  EXPECT_EQ(terms("the driver\u2019s 'seat'"), (Words{"the", "driver", "seat"}));
}

TEST(WordReaderTest, DecomposedLettersMeetComposedOnes) {
  EXPECT_EQ(terms("и\u0306од"), terms("йод"));
}

TEST(WordReaderTest, PlacesAreThoseOfTheText) {
  const std::string text = "«Счёт» № 00417-B.";
  Words found;
  WordReader().read(text, [&](const TextWord& word) {
    found.push_back(text.substr(word.begin, word.end - word.begin));
    return true;
  });
  EXPECT_EQ(found, (Words{"Счёт", "00417", "B", "00417-B"}));
}

TEST(WordReaderTest, VisitorEndsTheReading) {
  int visits = 0;
  WordReader().read("one two three", [&](const TextWord&) { return ++visits < 2; });
  EXPECT_EQ(visits, 2);
}

TEST(WordReaderTest, AnyBytesAreRead) {
  EXPECT_EQ(terms("\xff\xfe a\xd0 b"), (Words{"a", "b"}));
  EXPECT_EQ(terms(""), Words{});
  EXPECT_EQ(terms("1-2-").back(), "1-2");
}

TEST(WordReaderTest, LongRunsAreCut) {
  for (const char* piece : {"a", "я", "a1-", "\xff"}) {
    std::string text;
    while (text.size() < 1'000'000) text += piece;
    for (const std::string& term : terms(text)) ASSERT_LE(term.size(), 128u);
  }
}

}  // namespace
}  // namespace oko::index
