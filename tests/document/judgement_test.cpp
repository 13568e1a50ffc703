#include "document/judgement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "text/utf8.h"

namespace oko::document {
namespace {

Page page_of(const std::string& text) {
  Page page{1000, 1000, {}};
  page.lines.push_back({{}, {0, 0, 1000, 20}, 1, 0});
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    page.lines.back().words.push_back({text.substr(begin, end - begin), {0, 0, 100, 20}, 1, {}});
    begin = end + 1;
  }
  return page;
}

/// Each letter of а to я and a to z moved `by` places on.
std::string moved(const std::string& text, char32_t by) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const text::Utf8Step step = text::next_utf8(text, at);
    at += step.length;
    char32_t c = step.code_point;
    if (c >= U'а' && c <= U'я') c = U'а' + (c - U'а' + by) % 32;
    if (c >= U'a' && c <= U'z') c = U'a' + (c - U'a' + by) % 26;
    text::append_utf8(result, c);
  }
  return result;
}

const std::string kRussian =
    "съешь же ещё этих мягких французских булок да выпей чаю, заключили настоящий договор";
const std::string kEnglish =
    "the parties agree to the terms stated above, payment shall be made by bank transfer";

TEST(JudgementTest, TextOfSeveralLanguagesIsPlausible) {
  for (const std::string& text :
       {kRussian, kEnglish,
        std::string("Der schnelle braune Fuchs springt über den faulen Hund, die Straße ist lang"),
        std::string(
            "L'été prochain nous irons à la plage avec les élèves, où l'eau est très chaude"),
        std::string("Українська мова є державною мовою, її вивчають у школах та університетах"),
        std::string("Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i praw"),
        std::string("Το γρήγορο καφέ πηδάει πάνω από το σκυλί"),
        std::string("素早い茶色の狐が飛ぶ"),
        std::string("1 250 000,00 + 17.03.2026 (342) 218-05-17 № 5"),
        std::string("Что? Где? Когда?"),
        std::string("USB-C HDMI 2.1 шт. руб. кв. доб. 4K iPhone OpenAI"), std::string()}) {
    EXPECT_TRUE(is_plausible(page_of(text))) << text;
  }
}

TEST(JudgementTest, ShiftedLettersAreNotPlausible) {
  for (char32_t by = 1; by < 26; ++by) {
    EXPECT_FALSE(is_plausible(page_of(moved(kRussian, by)))) << moved(kRussian, by);
    EXPECT_FALSE(is_plausible(page_of(moved(kEnglish, by)))) << moved(kEnglish, by);
  }
}

TEST(JudgementTest, WrongCodePageIsNotPlausible) {
  EXPECT_FALSE(is_plausible(page_of("Äîãîâîð ïîñòàâêè èìåíóåìîå â äàëüíåéøåì")));
  EXPECT_FALSE(is_plausible(page_of("Р”РѕРіРѕРІРѕСЂ РїРѕСЃС‚Р°РІРєРё РёРјРµРЅСѓРµРјРѕРµ")));
  EXPECT_FALSE(is_plausible(page_of("Ð”Ð¾Ð³Ð¾Ð²Ð¾Ñ€ Ð¿Ð¾ÑÑ‚Ð°Ð²ÐºÐ¸")));
}

TEST(JudgementTest, QuestionMarksAndMeaninglessCharactersAreNotPlausible) {
  EXPECT_FALSE(is_plausible(page_of("???????? ???????? ?? 77/2026")));
  EXPECT_FALSE(is_plausible(page_of("до\uFFFDо\uFFFDор по\uFFFD\uE001авки")));
  EXPECT_TRUE(is_plausible(page_of("одна неизвестная \uFFFD буква среди многих известных")));
}

TEST(JudgementTest, APlaceIsOpenUnlessLinesCoverItFromTopToBottom) {
  const std::vector<Box> scan{{0, 0, 1000, 1000}};
  Page page{1000, 1000, {}};
  EXPECT_EQ(open_places(page, scan).size(), 1u);
  page.lines.push_back({{}, {100, 10, 800, 20}, 1, 0});
  page.lines.push_back({{}, {100, 970, 800, 20}, 1, 1});
  EXPECT_EQ(open_places(page, scan).size(), 1u) << "a header and a footer";
  for (int i = 0; i < 20; ++i) {
    page.lines.push_back({{}, {100, 100 + 40 * static_cast<float>(i), 800, 20}, 1, 2});
  }
  EXPECT_TRUE(open_places(page, scan).empty());
  Page form{1000, 1000, {}};
  for (int i = 0; i < 20; ++i) {  // short fields on both sides
    form.lines.push_back(
        {{}, {i % 2 == 0 ? 100.0f : 700.0f, 50 * static_cast<float>(i), 200, 40}, 1, i});
  }
  EXPECT_EQ(open_places(form, scan).size(), 1u) << "its printed labels are not told";
  EXPECT_EQ(open_places(page, {{0, 0, 1000, 1000}, {2000, 0, 500, 500}}).size(), 1u);
}

TEST(JudgementTest, NestedPlacesAreOnePlace) {
  std::vector<Box> places(500, {0, 0, 1000, 1000});
  for (int i = 0; i < 500; ++i) places.push_back({static_cast<float>(i), 10, 100, 100});
  EXPECT_EQ(open_places({1000, 1000, {}}, places), (std::vector<Box>{{0, 0, 1000, 1000}}));
  for (int i = 0; i < 5000; ++i) places.push_back({2000 + 20 * static_cast<float>(i), 10, 10, 10});
  EXPECT_EQ(open_places({1000, 1000, {}}, places).size(), 1u) << "very many";
}

TEST(JudgementTest, InkOutsideTheWordsIsUnreadText) {
  image::Image picture{400, 1000, std::vector<std::uint8_t>(400 * 1000 * 3, 255)};
  const auto draw = [&](int left, int top) {  // stripes, as letters have
    for (int y = top; y < top + 40; ++y) {
      for (int x = left; x < left + 200; x += 8) {
        const std::size_t first = static_cast<std::size_t>(y) * 400 + static_cast<std::size_t>(x);
        std::fill_n(&picture.rgb[3 * first], 9, std::uint8_t{0});
      }
    }
  };
  Page page = page_of("word");
  page.lines[0].words[0].box = {50, 50, 200, 40};
  const std::vector<Box> all{{0, 0, 400, 1000}};
  draw(50, 50);
  EXPECT_FALSE(shows_more(picture, page, all));
  draw(50, 200);
  EXPECT_TRUE(shows_more(picture, page, all));
  EXPECT_FALSE(shows_more(picture, page, {{0, 0, 400, 150}})) << "outside of the places";
  keep_only({{0, 0, 400, 150}}, picture);
  EXPECT_FALSE(shows_more(picture, page, all)) << "painted white";
}

TEST(JudgementTest, TwoLayersOverEachOtherAreNoticed) {
  Page page{1000, 1000, {}};
  page.lines.resize(2);
  for (int i = 0; i < 8; ++i) {
    const float left = 60 * static_cast<float>(i);
    page.lines[0].words.push_back({"Total", {left, 100, 50, 20}, 1, {}});
    page.lines[1].words.push_back({"next", {left, 116, 50, 20}, 1, {}});
  }
  EXPECT_FALSE(lies_over_itself(page)) << "lines that are set tightly";
  page.lines.push_back({{}, {0, 50, 500, 200}, 1, 0});
  for (int i = 0; i < 8; ++i) {
    page.lines[2].words.push_back({"W", {60 * static_cast<float>(i), 50, 60, 200}, 1, {}});
  }
  EXPECT_FALSE(lies_over_itself(page)) << "a watermark";
  page.lines[2].words.clear();
  for (int i = 0; i < 8; ++i) {
    page.lines[2].words.push_back({"Totai", {60 * static_cast<float>(i) + 6, 103, 50, 20}, 1, {}});
  }
  EXPECT_TRUE(lies_over_itself(page));
  page.lines.resize(1);
  page.lines[0].words.resize(3);
  page.lines.push_back(page.lines[0]);
  EXPECT_FALSE(lies_over_itself(page)) << "a shadow of a title";
}

TEST(JudgementTest, LinesOfWordsThatLackLettersAreUnclear) {
  Page page{1000, 1000, {}};
  page.lines.push_back({{{"\uFFFD", {}, 1, {}}, {"item", {}, 1, {}}}, {0, 0, 100, 20}, 1, 0});
  EXPECT_TRUE(unclear_places(page).empty()) << "a bullet";
  page.lines.push_back({{{"i\uFFFDem", {}, 1, {}}}, {0, 30, 100, 20}, 1, 0});
  EXPECT_EQ(unclear_places(page), (std::vector<Box>{{0, 30, 100, 20}}));
}

}  // namespace
}  // namespace oko::document
