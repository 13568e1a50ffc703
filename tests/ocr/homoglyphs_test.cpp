#include "ocr/homoglyphs.h"

#include <gtest/gtest.h>

#include <sstream>

namespace oko::ocr {
namespace {

/// A line after the repair. These lines have the right letters; wrong ones are written as code
/// points, because a reader cannot see them.
std::string repaired(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  repair_homoglyphs(words);
  std::string result;
  for (const std::string& word : words) result += (result.empty() ? "" : " ") + word;
  return result;
}

TEST(HomoglyphsTest, LettersThatOnlyOneScriptHasDecideForTheWord) {
  EXPECT_EQ(repaired("M\u043e\u0441\u043a\u0432\u0430"), "Москва");  // Latin M
  EXPECT_EQ(repaired("\u0421\u0420U"), "CPU");                       // Cyrillic С and Р
  EXPECT_EQ(repaired("\u041coscow"), "Moscow");                      // Cyrillic М
  EXPECT_EQ(repaired("\u043f\u0440\u0438\u0432eT!"), "привет!");  // no small Latin letter is like т
  EXPECT_EQ(repaired("US\u0412-C"), "USB-C");                     // Cyrillic В
}

TEST(HomoglyphsTest, WordsWithLettersOfBothScriptsStay) {
  for (const std::string word : {"WiFi-роутер", "SMS-ка", "qиwi", "HTML-код"}) {
    EXPECT_EQ(repaired(word), word);
  }
}

TEST(HomoglyphsTest, CodesOfLookAlikesAndDigitsStay) {
  for (const std::string code : {"\u04101B2", "A1\u04122", "\u0415-104", "X5\u0421", "M\u041a-7"}) {
    EXPECT_EQ(repaired("рейс " + code + " отменён"), "рейс " + code + " отменён");
    EXPECT_EQ(repaired("flight " + code + " is late"), "flight " + code + " is late");
  }
}

TEST(HomoglyphsTest, RepairsLettersNextToDigitsIfTheWordDecides) {
  EXPECT_EQ(repaired("\u0413\u041eC\u0422123"), "ГОСТ123");  // Latin C, Г decides
  EXPECT_EQ(repaired("US\u04123"), "USB3");                  // Cyrillic В, U decides
}

TEST(HomoglyphsTest, WordsOfLookAlikesFollowTheirNeighbours) {
  EXPECT_EQ(repaired("пришёл c работы"), "пришёл с работы");
  EXPECT_EQ(repaired("share \u0430 link"), "share a link");
  EXPECT_EQ(repaired("купил caxap и чай"), "купил сахар и чай");
  EXPECT_EQ(repaired("c работы"), "с работы");
}

TEST(HomoglyphsTest, NeighboursThatDisagreeDecideNothingUnlessTheLineDoes) {
  EXPECT_EQ(repaired("окно, a Ctrl"), "окно, a Ctrl");
  EXPECT_EQ(repaired("нажмите на окно, a Ctrl закроет"), "нажмите на окно, а Ctrl закроет");
}

TEST(HomoglyphsTest, AbbreviationsStayInLinesOfTheOtherScript) {
  EXPECT_EQ(repaired("новый PC стоит на столе"), "новый PC стоит на столе");
  EXPECT_EQ(repaired("чай Tea Type-C на вес"), "чай Tea Type-C на вес");
  EXPECT_EQ(repaired("греется до 78 °C летом"), "греется до 78 °C летом");
  EXPECT_EQ(repaired("DOORS CLOSED \u0410\u0422 ALL TIMES"), "DOORS CLOSED AT ALL TIMES");
}

TEST(HomoglyphsTest, SmallLettersReadAsCapitalsBecomeSmallInsideASentence) {
  EXPECT_EQ(repaired("покажите Ha входе"), "покажите на входе");
  EXPECT_EQ(repaired("Кончено. Ha входе"), "Кончено. На входе");
}

TEST(HomoglyphsTest, ShortWordsMistakenForCyrillicAreRepairedBeforeLatinWords) {
  EXPECT_EQ(repaired("is \u043e\u043f the floor"), "is on the floor");
  EXPECT_EQ(repaired("small, so | would"), "small, so I would");
  EXPECT_EQ(repaired("what should |"), "what should I");
  EXPECT_EQ(repaired("только S и |"), "только S и |");
  EXPECT_EQ(repaired("the «оп» sign"), "the «оп» sign");
  EXPECT_EQ(repaired("он и она"), "он и она");
}

TEST(HomoglyphsTest, RussianPrepositionsStayNextToLatinWords) {
  for (const std::string line : {"450 шт. по USB", "macOS с Bluetooth", "PDF и JPEG", "от HP"}) {
    EXPECT_EQ(repaired(line), line);
  }
  EXPECT_EQ(repaired("there is по room left"), "there is no room left");
}

TEST(HomoglyphsTest, DegreesHaveALatinLetter) {
  EXPECT_EQ(repaired("до +30 °С, и"), "до +30 °C, и");
  EXPECT_EQ(repaired("до 5 °, С"), "до 5 °, С");
}

TEST(HomoglyphsTest, DetectsWordsThatLookAlike) {
  EXPECT_TRUE(look_alike("ATX", "АТХ"));
  EXPECT_FALSE(look_alike("ATX", "ATX"));
  EXPECT_FALSE(look_alike("HDMI", "НОМ!"));
}

TEST(HomoglyphsTest, LinesInOneScriptStay) {
  for (const std::string line :
       {"Съешь ещё этих мягких французских булок, да выпей чаю.", "The quick brown fox jumps.",
        "Привет, world!", "А. С. Пушкин", "12 345,67 ₽", "", "| | |"}) {
    EXPECT_EQ(repaired(line), line);
  }
}

TEST(HomoglyphsTest, BrokenUtf8DoesNoHarm) {
  std::vector<std::string> words{"\xD0", "M\xFF\xD0\xBE", "", "\xF0\x9F\x98\x80"};
  repair_homoglyphs(words);
  EXPECT_EQ(words.size(), 4u);
}

TEST(HomoglyphsTest, SingleCapitalOfAPageBecomesLatin) {
  const auto repaired = [](const std::vector<std::string>& texts) {
    document::Page page;
    page.lines.resize(1);
    for (const std::string& text : texts) page.lines[0].words.push_back({text, {}, 1, {}});
    repair_homoglyphs(page);
    return page.text();
  };
  EXPECT_EQ(repaired({"\u0410"}), "A\n");
  EXPECT_EQ(repaired({"\u0410."}), "A.\n");
  EXPECT_EQ(repaired({"\u0430"}), "\u0430\n");
  EXPECT_EQ(repaired({"\u0411"}), "\u0411\n");
  EXPECT_EQ(repaired({"\u0410\u041E"}), "\u0410\u041E\n");
  EXPECT_EQ(repaired({"\u0410", "\u0412"}), "\u0410 \u0412\n");
}

TEST(HomoglyphsTest, CountsTheWordsOfAPageThatChanged) {
  document::Page page;
  page.lines.push_back(
      {{{"M\u043e\u0441\u043a\u0432\u0430", {}, 1, ""}, {"2024", {}, 1, ""}}, {}, 1, 0});
  page.lines.push_back({{{"\u0421\u0420U", {}, 1, ""}}, {}, 1, 0});
  EXPECT_EQ(repair_homoglyphs(page), 2);
  EXPECT_EQ(page.text(), "Москва 2024\nCPU\n");
}

}  // namespace
}  // namespace oko::ocr
