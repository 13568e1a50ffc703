#include "index/stemmer.h"

#include <gtest/gtest.h>

namespace oko::index {
namespace {

std::string stem(std::string_view word) {
  Stemmer stemmer;
  return std::string(stemmer.stem(word));
}

TEST(StemmerTest, FormsOfARussianWordHaveOneStem) {
  for (const char* form : {"квитанция", "квитанции", "квитанцию", "квитанций", "квитанциями"}) {
    EXPECT_EQ(stem(form), "квитанц") << form;
  }
}

TEST(StemmerTest, FormsOfAnEnglishWordHaveOneStem) {
  for (const char* form : {"connect", "connected", "connecting", "connections"}) {
    EXPECT_EQ(stem(form), "connect") << form;
  }
}

TEST(StemmerTest, YoCountsAsYe) {
  EXPECT_EQ(stem("счёта"), stem("счета"));
  EXPECT_EQ(stem("ёлки"), stem("елки"));
}

TEST(StemmerTest, CodesAndOtherScriptsStayAsTheyAre) {
  for (const char* word :
       {"инв-00417", "a4s", "300s", "strasse\xc3\x9f", "λόγους", "日本語", "mixедs", ""}) {
    EXPECT_EQ(stem(word), word);
  }
}

TEST(StemmerTest, OneObjectStemsBothLanguagesInTurn) {
  Stemmer stemmer;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(stemmer.stem("receipts"), "receipt");
    EXPECT_EQ(stemmer.stem("чеками"), "чек");
  }
}

}  // namespace
}  // namespace oko::index
