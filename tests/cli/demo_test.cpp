// The model of demo/ describes the pictures of demo/ correctly, as `make demo` shows.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

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
    if (++pictures == 2 && OKO_SANITIZED) return;
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

TEST(DemoTest, QuestionsFindPicturesInTheOtherLanguageWithTheBoxOfTheLine) {
  OKO_NEEDS_TESSERACT();
  const std::string library = testing::TempDir() + "oko_demo_" + std::to_string(::getpid()) + ".db";
  const auto indexed = Process({OKO_PROGRAM, "index", kDemo + "/images", kDemo + "/pages",
                                kDemo + "/texts", "--model", kDemo + "/models/e5-small-ru-en",
                                "--library", library, "--languages", "ru-RU,en-US"},
                               {})
                           .wait();
  EXPECT_EQ(indexed.status, 0) << indexed.err;
  const auto best = [&](const std::string& question) {
    const auto found =
        Process({OKO_PROGRAM, "search", question, "-n", "1", "--library", library, "--json"}, {})
            .wait();
    EXPECT_EQ(found.status, 0) << found.err;
    return nlohmann::json::parse(found.out);
  };
  const nlohmann::json bread = best("how much did the rye bread cost");
  EXPECT_EQ(bread["file"], kDemo + "/pages/receipt.png");
  EXPECT_NE(bread["snippet"].get<std::string>().find("Хлеб ржаной 3"), std::string::npos) << bread;
  // "Хлеб ржаной" stands at 24..121, 165..178 of 293 x 669 pixels.
  const std::vector<double> box = bread["box"];
  EXPECT_NEAR(box[0], 24, 4) << bread;
  EXPECT_NEAR(box[1], 165, 5) << bread;
  EXPECT_NEAR(box[1] + box[3], 178, 5) << bread;
  EXPECT_EQ(best("река")["file"], kDemo + "/images/river.png");
  EXPECT_EQ(best("как заклеить велосипедную камеру")["file"], kDemo + "/texts/bicycle.md");
  EXPECT_EQ(best("cabbage soup recipe")["file"], kDemo + "/texts/shchi.txt");
  for (const auto& file : std::filesystem::directory_iterator(testing::TempDir())) {
    if (file.path().string().starts_with(library)) std::filesystem::remove(file.path());
  }
}

TEST(DemoTest, EachAnswerStandsBehindItsLanguage) {
  if (OKO_SANITIZED) GTEST_SKIP() << "each of its commands has a test of its own";
  OKO_NEEDS_TESSERACT();
  const auto result =
      Process({"/bin/sh", "-c", kDemo + "/run.sh " + OKO_PROGRAM + " 2>&1"}, {"LC_ALL=en_US.UTF-8"})
          .wait();
  EXPECT_EQ(result.status, 0) << result.out;
  for (const char* line :
       {"\n  en: Three yellow stars.\n", "\n  ru: Три жёлтые звезды.\n",
        "\n  en: The text \"Супермаркет", "\noko: demo/pages/receipt.png: ",
        "\noko search \"how much did the rye bread cost\"\n  1. demo/pages/receipt",
        "\noko search \"река\"\n  1. demo/images/river.png",
        " serve --model demo/models/tiny-vl, then http://127.0.0.1:11435\n"}) {
    EXPECT_NE(result.out.find(line), std::string::npos) << line << " is not in " << result.out;
  }
}

}  // namespace
}  // namespace oko
