#include "base/text_escape.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/json_file.h"
#include "base/localized_text.h"

namespace oko {
namespace {

TEST(TextEscapeTest, KnowsUtf8) {
  for (const char* text : {"", "a", "ы", "€", "\xF0\x9F\x99\x82", "\xEF\xBF\xBF", "\xED\x9F\xBF"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const char* text :
       {"\x80", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\xFF"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

TEST(TextEscapeTest, AnExcerptCutsNoCharacter) {
  const std::string text = "aыыы";  // 1 + 3 * 2 bytes
  EXPECT_EQ(excerpt(text, 7), "aыыы");
  EXPECT_EQ(excerpt(text, 6), "aыы");
  EXPECT_EQ(excerpt(text, 5), "aыы");
  EXPECT_EQ(excerpt(text, 0), "");
}

TEST(TextEscapeTest, AnExcerptMarksControlsAndBrokenBytes) {
  EXPECT_EQ(excerpt("a\x1B[2Jb\n\x7F"), "a?[2Jb??");
  EXPECT_EQ(excerpt("ы\xC2\x9Bm"), "ы?m");
  EXPECT_EQ(excerpt("a\xFFы"), "a???");
}

TEST(TextEscapeTest, OneLineHasSpacesForControls) {
  EXPECT_EQ(one_line("до\nпосле\x1B\xC2\x85."), "до после  .");
}

TEST(TextEscapeTest, ALineIsShownInItsOwnOrder) {
  EXPECT_EQ(one_line("счёт\u202Egpj.exe"), "счёт gpj.exe");
  EXPECT_EQ(one_line("a\u2028b\u2029c\u2066d\u2069"), "a b c d ");
  EXPECT_EQ(excerpt("a\u202Ab\u2067"), "a?b?");
  EXPECT_EQ(one_line("\u2027\u202F\u2065\u206A\xE2\x80"), "\u2027\u202F\u2065\u206A\xE2\x80");
}

TEST(TextEscapeTest, PrintableTextKeepsLinesAndTabs) {
  EXPECT_EQ(printable("a\tb\n\x1B[31mы\xC2\x9B\r\x7F"), "a\tb\n[31mы");
}

TEST(TextEscapeTest, PrintableTextHasNoControlThatRemovalMade) {
  EXPECT_EQ(printable("\xC2\xC2\x80\x9B"
                      "31m"),
            "\x9B"
            "31m");
  EXPECT_EQ(printable("\xC2\xC2\x1B\x9B"
                      "31m"),
            "\x9B"
            "31m");
}

TEST(TextEscapeTest, PrintableTextKeepsWhatFollowsABrokenCharacter) {
  EXPECT_EQ(printable("\xC2"
                      "a\xC2\nb\xC2"),
            "a\nb");
  EXPECT_EQ(excerpt("\xC2"
                    "a"),
            "?a");
}

TEST(TextEscapeTest, AJsonValueInAMessageIsUtf8) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "ы";
  const std::string shown(brief(nlohmann::json(text)).in(Language::kEnglish));
  EXPECT_TRUE(is_utf8(shown)) << shown;
  EXPECT_LE(shown.size(), 60u);
}

}  // namespace
}  // namespace oko
