#include "ocr/known_words.h"

#include <gtest/gtest.h>

namespace oko::ocr {
namespace {

TEST(KnownWordsTest, AbbreviationsAndUnitsAreKnownWithPunctuationAndCapitals) {
  for (const char* word : {"шт.", "мес.", "(кВт,", "Тел.:", "доб."}) {
    EXPECT_TRUE(is_known_word(word, Script::kCyrillic)) << word;
    EXPECT_FALSE(is_known_word(word, Script::kLatin)) << word;
  }
  for (const char* word : {"HDMI", "PDF,", "Wi-Fi", "mm"}) {
    EXPECT_TRUE(is_known_word(word, Script::kLatin)) << word;
    EXPECT_FALSE(is_known_word(word, Script::kCyrillic)) << word;
  }
  EXPECT_FALSE(is_known_word("KBT", Script::kLatin));
  EXPECT_FALSE(is_known_word("ШТ.", Script::kCyrillic));
  EXPECT_FALSE(is_known_word("№", Script::kCyrillic));
}

TEST(KnownWordsTest, FunctionWordsAreKnown) {
  EXPECT_TRUE(is_function_word("по"));
  EXPECT_TRUE(is_function_word("и"));
  EXPECT_TRUE(is_known_word("и", Script::kCyrillic));
  EXPECT_FALSE(is_function_word("шт"));
  EXPECT_FALSE(is_function_word(""));
}

}  // namespace
}  // namespace oko::ocr
