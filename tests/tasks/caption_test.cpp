#include "tasks/caption.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace oko::tasks {
namespace {

using Words = std::vector<std::string>;

TEST(CaptionTest, TakesTheKeywordsApart) {
  const Caption caption = caption_of(
      "A red cat sleeps on a chair.\nIt is evening.\n\nKeywords: cat, red, chair, cat.\n");
  EXPECT_EQ(caption.description, "A red cat sleeps on a chair.\nIt is evening.");
  EXPECT_EQ(caption.keywords, (Words{"cat", "red", "chair"}));
}

TEST(CaptionTest, UnderstandsRussianAndMarks) {
  const Caption caption =
      caption_of("  Рыжий кот спит.\n\n**Ключевые слова:** кот; «кресло»,\n- вечер\n");
  EXPECT_EQ(caption.description, "Рыжий кот спит.");
  EXPECT_EQ(caption.keywords, (Words{"кот", "кресло", "- вечер"}));
}

TEST(CaptionTest, AnswerWithoutKeywordsIsAllDescription) {
  EXPECT_EQ(caption_of(" A cat. ").description, "A cat.");
  EXPECT_EQ(caption_of(" A cat. ").keywords, Words{});
  EXPECT_EQ(caption_of("Keywords: a").description, "");
  EXPECT_EQ(caption_of("").description, "");
}

TEST(CaptionTest, SentencesAreNoKeywords) {
  const Caption caption = caption_of("Keywords: cat, " + std::string(100, 'x') + ", dog");
  EXPECT_EQ(caption.keywords, (Words{"cat", "dog"}));
}

TEST(CaptionTest, LanguageIsThatOfTheLetters) {
  EXPECT_EQ(language_of_text("A photo of Москва"), Language::kEnglish);
  EXPECT_EQ(language_of_text("Фото из Rome"), Language::kRussian);
  EXPECT_EQ(language_of_text("123"), Language::kEnglish);
}

}  // namespace
}  // namespace oko::tasks
