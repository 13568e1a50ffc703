#include "text/sentences.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace oko::text {
namespace {

using Texts = std::vector<std::string>;

Texts split(std::string_view text) {
  Texts texts;
  for (const Sentence& sentence : sentences(text)) texts.emplace_back(sentence.range.of(text));
  return texts;
}

/// Expects these sentences of them joined by spaces.
void expect_sentences(const Texts& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : " ") + text;
  EXPECT_EQ(split(all), texts);
}

TEST(SentencesTest, MarksEndSentences) {
  expect_sentences({"Пришла весна.", "Снег растаял!", "Правда?", "Да…", "Нет?!", "Хорошо..."});
  expect_sentences({"It is here.", "Where?", "There!", "Well...", "Yes."});
  expect_sentences({"В 1999.", "В 2000 году."});
  expect_sentences({"Скидка 50 %.", "5 дней.", "«Да.»", "(Нет.)", "\"Ok.\"", "Конец"});
  EXPECT_EQ(split("你好。再见！"), (Texts{"你好。", "再见！"}));
  EXPECT_EQ(split(""), Texts{});
  EXPECT_EQ(split(" \n "), Texts{});
}

TEST(SentencesTest, AbbreviationsDoNot) {
  for (const char* text :
       {"Он жил на ул. Ленина, д. 5, кв. 7 в г. Москва.", "То есть, т. е. Москва и т.е. Тверь.",
        "См. рис. 5 и табл. 3 на стр. 10.", "Акад. Павлов и проф. Преображенский.",
        "А. С. Пушкин и Пушкин А. С. здесь.", "М.Ю. Лермонтов",
        "Mr. Smith and Dr. Jones, e.g. Bob.", "See Fig. 3 and No. 5.", "J. R. R. Tolkien",
        "Цена 3.14 руб. за штуку.", "Сайт example.com и почта a.b@c.ru работают.",
        "Версия 2.0.1 вышла.", "Он ушёл… и вернулся.", "Стой! — крикнул он.", "“Where?” he asked.",
        "1. Первый пункт", "Так и т. д. и т. п. бывает.", "Файл README.md лежит"}) {
    EXPECT_EQ(split(text), Texts{text});
  }
}

TEST(SentencesTest, SomeAbbreviationsMayEndThem) {
  expect_sentences({"Это было в 1999 г.", "Москва росла."});
  expect_sentences({"Длина 5 м.", "Ширина 3 м."});
  expect_sentences({"В XIX в.", "Россия росла."});
  expect_sentences({"Стол, стул и т. д.", "Потом ушли."});
  expect_sentences({"Яблоки, груши и т.п.", "Потом ушли."});
  expect_sentences({"It was 5 p.m.", "He left."});
  expect_sentences({"He said no.", "Then left."});
  expect_sentences({"It was I.", "He left."});
}

TEST(SentencesTest, DirectSpeech) {
  expect_sentences({"— Привет! — сказал он.", "— Как дела?", "— Хорошо."});
  expect_sentences({"«Куда?» — спросил он.", "«Домой».", "Он ушёл."});
}

TEST(SentencesTest, LinesAndLists) {
  EXPECT_EQ(split("Строка\nидёт дальше.\n\nГлава 1\n\n\nТекст"),
            (Texts{"Строка\nидёт дальше.", "Глава 1", "Текст"}));
  EXPECT_EQ(split("Список:\n- один\n- два\n1) три\n2. четыре\n-5 градусов"),
            (Texts{"Список:", "- один", "- два", "1) три", "2. четыре\n-5 градусов"}));
  const auto found = sentences("Один. Два.\r\n\r\nТри.");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_FALSE(found[0].ends_paragraph);
  EXPECT_TRUE(found[1].ends_paragraph);
  EXPECT_TRUE(found[2].ends_paragraph);
}

}  // namespace
}  // namespace oko::text
