#include "ocr/better_words.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace oko::ocr {
namespace {

struct Read {
  std::string text;
  float confidence;
  float left, width;
};

std::vector<WordCandidate> reading(const std::vector<Read>& words) {
  std::vector<WordCandidate> result;
  for (const Read& each : words) {
    WordCandidate word;
    word.word.text = each.text;
    word.word.confidence = each.confidence;
    word.box = {each.left, 0, each.width, 20};
    result.push_back(word);
  }
  return result;
}

Familiarity familiarity_of(std::string_view word) {
  if (word == "шт." || word == "т." || word == "ТО-2" || word == "KB") {
    return Familiarity::kListed;
  }
  if (word == "wt." || word == "house" || word == "1") return Familiarity::kDictionary;
  return Familiarity::kNone;
}

std::string best_of(const std::vector<Read>& line, const std::vector<Read>& other) {
  std::vector<WordCandidate> words = reading(line);
  take_better_words(words, reading(other), familiarity_of);
  std::string text;
  for (const WordCandidate& word : words) text += (text.empty() ? "" : " ") + word.word.text;
  return text;
}

TEST(BetterWordsTest, MoreFamiliarWordIsTakenInItsPlace) {
  const std::vector<Read> line{
      {"что", 0.9f, 0, 10}, {"wt.", 0.95f, 20, 30}, {"house", 0.9f, 60, 40}};
  EXPECT_EQ(best_of(line, {{"чтс", 0.9f, 0, 10}, {"шт.", 0.8f, 21, 29}, {"hause", 0.97f, 60, 40}}),
            "что шт. house");
}

TEST(BetterWordsTest, RussianWordIsNotTakenInALineOfEnglish) {
  EXPECT_EQ(best_of({{"house", 0.9f, 0, 40}, {"wi.", 0.9f, 50, 30}},
                    {{"house", 0.9f, 0, 40}, {"шт.", 0.9f, 50, 30}}),
            "house wi.");
}

TEST(BetterWordsTest, FamiliarWordThatIsReadBadlyIsNotTaken) {
  EXPECT_EQ(best_of({{"шг.", 0.9f, 0, 30}}, {{"шт.", 0.7f, 0, 30}}), "шг.");
  EXPECT_EQ(best_of({{"шг.", 0.9f, 0, 30}}, {{"шт.", 0.8f, 0, 30}}), "шт.");
}

TEST(BetterWordsTest, DoubtfulWordOfADictionaryYieldsToASurerName) {
  EXPECT_EQ(best_of({{"house", 0.7f, 0, 30}}, {{"HAUS", 0.9f, 0, 30}}), "HAUS");
  EXPECT_EQ(best_of({{"house", 0.8f, 0, 30}}, {{"HAUS", 0.95f, 0, 30}}), "house");
}

TEST(BetterWordsTest, MuchSurerWordIsTakenWhereNoneIsFamiliar) {
  EXPECT_EQ(best_of({{".4ocx", 0.6f, 0, 30}}, {{".docx", 0.9f, 0, 30}}), ".docx");
  EXPECT_EQ(best_of({{".docx", 0.85f, 0, 30}}, {{".4ocx", 0.9f, 0, 30}}), ".docx");
}

TEST(BetterWordsTest, SurerOfTwoListedWordsIsTaken) {
  EXPECT_EQ(best_of({{"KB", 0.92f, 0, 30}}, {{"шт.", 0.95f, 0, 30}}), "шт.");
  EXPECT_EQ(best_of({{"шт.", 0.95f, 0, 30}}, {{"KB", 0.92f, 0, 30}}), "шт.");
}

TEST(BetterWordsTest, SeparatesWordsButDoesNotJoinThem) {
  const std::vector<Read> joined{{"т.е.", 0.8f, 0, 40}},
      apart{{"т.", 0.83f, 0, 15}, {"е.", 0.83f, 20, 20}};
  EXPECT_EQ(best_of(joined, apart), "т. е.");
  EXPECT_EQ(best_of(apart, {{"т.е.", 0.9f, 0, 40}}), "т. е.");
}

TEST(BetterWordsTest, SumsKeepTheirSpaces) {
  const std::vector<Read> apart{{"2", 0.7f, 0, 10}, {"208,34", 0.9f, 18, 60}};
  EXPECT_EQ(best_of(apart, {{"2208,34", 0.96f, 0, 78}}), "2 208,34");
  EXPECT_EQ(best_of({{"2208,34", 0.8f, 0, 78}}, apart), "2208,34");
}

TEST(BetterWordsTest, SplitsJoinedWordWhoseBoxCoversItsFirstPart) {
  EXPECT_EQ(best_of({{"х4", 0.92f, 0, 10}, {"1", 0.9f, 50, 10}},
                    {{"x", 0.95f, 0, 10}, {"4", 0.94f, 20, 10}, {"1", 0.9f, 50, 10}}),
            "x 4 1");
}

TEST(BetterWordsTest, SurerCapitalsAreTakenAndSmallLettersAreNot) {
  EXPECT_EQ(best_of({{"чек", 0.77f, 0, 30}}, {{"Чек", 0.85f, 0, 30}}), "Чек");
  EXPECT_EQ(best_of({{"ИТОГО", 0.8f, 0, 30}}, {{"итого", 0.95f, 0, 30}}), "ИТОГО");
}

TEST(BetterWordsTest, CodesOfLettersThatLookAlikeAreLatin) {
  EXPECT_EQ(best_of({{"М8,", 0.95f, 0, 30}}, {{"M8,", 0.9f, 0, 30}}), "M8,");
  EXPECT_EQ(best_of({{"M8,", 0.8f, 0, 30}}, {{"М8,", 0.95f, 0, 30}}), "M8,");
  EXPECT_EQ(best_of({{"ТО-2", 0.8f, 0, 30}}, {{"TO-2", 0.95f, 0, 30}}), "ТО-2");
}

TEST(BetterWordsTest, NumeroSignIsTakenForTwoLetters) {
  EXPECT_EQ(best_of({{"Ne", 0.95f, 0, 20}}, {{"№", 0.9f, 0, 20}}), "№");
  EXPECT_EQ(best_of({{"№", 0.9f, 0, 20}}, {{"Ne", 0.98f, 0, 20}}), "№");
}

TEST(BetterWordsTest, WordsOfOtherPlacesAreLeftOut) {
  EXPECT_EQ(best_of({{"house", 0.9f, 0, 30}}, {{"шт.", 0.9f, 200, 30}}), "house");
  EXPECT_EQ(best_of({{"house", 0.9f, 0, 30}}, {}), "house");
}

}  // namespace
}  // namespace oko::ocr
