#include "index/snippet.h"

#include <gtest/gtest.h>

namespace oko::index {
namespace {

std::string marked(const Snippet& snippet) {
  std::string text = snippet.text;
  for (auto mark = snippet.marks.rbegin(); mark != snippet.marks.rend(); ++mark) {
    text.insert(mark->second, "]");
    text.insert(mark->first, "[");
  }
  return text;
}

Chunk chunk_of(const std::string& text) {
  Chunk chunk;
  chunk.text = text;
  return chunk;
}

TEST(SnippetTest, MarksEveryFormOfTheWords) {
  const Chunk chunk = chunk_of("Квитанции об оплате, квитанцию сохраните.");
  EXPECT_EQ(marked(snippet_of(chunk, {"квитанц", "оплат"})),
            "[Квитанции] об [оплате], [квитанцию] сохраните.");
}

TEST(SnippetTest, MarksACodeAsAWhole) {
  const Chunk chunk = chunk_of("счёт ИНВ-00417/А, копия");
  EXPECT_EQ(marked(snippet_of(chunk, {"инв", "00417", "а", "инв-00417/а"})),
            "счёт [ИНВ-00417/А], копия");
}

TEST(SnippetTest, ShowsThePartWithMostWords) {
  std::string text = "договор ";
  for (int i = 0; i < 200; ++i) text += "слово ";
  text += "договор аренды квартиры";
  for (int i = 0; i < 200; ++i) text += " слово";
  const Snippet snippet = snippet_of(chunk_of(text), {"договор", "аренд", "квартир"}, 80);
  EXPECT_NE(marked(snippet).find("[договор] [аренды] [квартиры]"), std::string::npos)
      << snippet.text;
  EXPECT_TRUE(snippet.text.starts_with("…слово")) << snippet.text;
  EXPECT_TRUE(snippet.text.ends_with("слово…")) << snippet.text;
  EXPECT_LT(snippet.text.size(), 2 * 80 + 10u);
  EXPECT_EQ(snippet_of(chunk_of(text), {"договор"}, 80).marks.at(0).first, 0u)
      << "the first of parts with as many";
}

TEST(SnippetTest, IsOneLineWithoutControlCharacters) {
  EXPECT_EQ(snippet_of(chunk_of("a\n\n b\t\x1b[31mc"), {}).text, "a b [31mc");
}

TEST(SnippetTest, TextWithoutSpacesIsCutWithinTheWord) {
  const std::string text(10'000, 'a');
  const Snippet snippet = snippet_of(chunk_of(text), {}, 100);
  EXPECT_EQ(snippet.text, std::string(100, 'a') + "…");
  EXPECT_EQ(marked(snippet_of(chunk_of("кракозябра"), {"кракозябр"}, 5)), "крако…") << "no mark";
}

TEST(SnippetTest, WordWithinATextWithoutSpacesIsShown) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "x0y;";
  text += "кракозябра;";
  for (int i = 0; i < 300; ++i) text += "x1y;";
  const Snippet snippet = snippet_of(chunk_of(text), {"кракозябр"}, 80);
  EXPECT_NE(marked(snippet).find("[кракозябра]"), std::string::npos) << snippet.text;
}

TEST(SnippetTest, BoxIsThatOfTheLineWithMostWords) {
  Chunk chunk = chunk_of("Чай 80\nЧай зелёный 90\nИтого 170");
  chunk.lines = {{0, 9, {0.1f, 0.1f, 0.3f, 0.05f}},
                 {10, 34, {0.1f, 0.2f, 0.5f, 0.05f}},
                 {35, 49, {0.1f, 0.3f, 0.4f, 0.05f}}};
  EXPECT_EQ(snippet_of(chunk, {"ча", "зелен"}).box, chunk.lines[1].box);
  const auto all = snippet_of(chunk, {}).box;
  ASSERT_TRUE(all);
  EXPECT_FLOAT_EQ(all->top, 0.1f);
  EXPECT_FLOAT_EQ(all->width, 0.5f);
  EXPECT_FLOAT_EQ(all->height, 0.25f);
  EXPECT_FALSE(snippet_of(chunk_of("чай"), {"ча"}).box);
}

TEST(SnippetTest, LineWithoutMatchesIsShownWithItsBox) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "слово\n";
  const auto begin = static_cast<std::uint32_t>(text.size());
  text += "Хлеб ржаной";
  const LinePlace line{begin, static_cast<std::uint32_t>(text.size()), {0.1f, 0.2f, 0.5f, 0.05f}};
  for (int i = 0; i < 40; ++i) text += "\nслово";
  const Snippet snippet = snippet_of_line(chunk_of(text), line, 60);
  EXPECT_EQ(snippet.box, line.box);
  EXPECT_NE(snippet.text.find("слово Хлеб ржаной слово"), std::string::npos) << snippet.text;
  EXPECT_TRUE(snippet.text.starts_with("…") && snippet.text.ends_with("…")) << snippet.text;
  EXPECT_TRUE(snippet.marks.empty());
}

}  // namespace
}  // namespace oko::index
