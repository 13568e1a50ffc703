// The model of demo/ describes the pictures of demo/ correctly, as `make demo` shows.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/process.h"
#include "tests/support/tesseract.h"

namespace oko {
namespace {

const std::string kDemo = std::string(OKO_SOURCE_DIR) + "/demo";

TEST(DemoTest, EveryPictureIsDescribedRightly) {
  std::ifstream expected(kDemo + "/images/expected.jsonl");
  std::string line;
  int pictures = 0;
  while (std::getline(expected, line)) {
    const auto picture = nlohmann::json::parse(line);
    const std::string file = kDemo + "/images/" + picture["file"].get<std::string>();
    const auto result =
        Process({OKO_PROGRAM, "describe", "--model", kDemo + "/models/tiny-vl", "--lang",
                 picture["lang"], "--ocr", OKO_HAS_TESSERACT ? "auto" : "off", file},
                {})
            .wait();
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, picture["expected"].get<std::string>() + "\n") << file;
    ++pictures;
  }
  EXPECT_GE(pictures, 6);
}

TEST(DemoTest, AReceiptIsDescribedWithItsText) {
  OKO_NEEDS_TESSERACT();
  for (const char* language : {"en", "ru"}) {
    const auto result =
        Process({OKO_PROGRAM, "describe", "--model", kDemo + "/models/tiny-vl", "--lang", language,
                 "--ocr-tokens", "512", kDemo + "/pages/receipt.png"},
                {})
            .wait();
    EXPECT_EQ(result.status, 0) << result.err;
    for (const char* line : {"Супермаркет «Эхо»", "Флешка USB 64 ГБ 6,00", "Чай Earl Grey 29,49",
                             "Подытог 2 324,56", "Картой Visa 2 208,34"}) {
      EXPECT_NE(result.out.find(line), std::string::npos) << line << " is not in " << result.out;
    }
  }
}

TEST(DemoTest, EachAnswerStandsBehindItsLanguage) {
  OKO_NEEDS_TESSERACT();
  const auto result =
      Process({"/bin/sh", "-c", kDemo + "/run.sh " + OKO_PROGRAM + " 2>&1"}, {"LC_ALL=en_US.UTF-8"})
          .wait();
  EXPECT_EQ(result.status, 0) << result.out;
  for (const char* line : {"\n  en: Three yellow stars.\n", "\n  ru: Три жёлтые звезды.\n",
                           "\n  en: The text \"Супермаркет", "\noko: demo/pages/receipt.png: "}) {
    EXPECT_NE(result.out.find(line), std::string::npos) << line << " is not in " << result.out;
  }
}

}  // namespace
}  // namespace oko
