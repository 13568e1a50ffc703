// The output, the files and the refusals of `oko convert`.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/localized_text.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"

namespace oko {
namespace {

using nlohmann::json;

class ConvertTest : public ScratchFolderTest {
 protected:
  static ProcessResult run(std::vector<std::string> arguments, const std::string& language = "en") {
    arguments.insert(arguments.begin(), OKO_PROGRAM);
    return Process(arguments, {"LANG=" + language + "_XX.UTF-8", "LC_ALL="}).wait();
  }
  static std::string source() { return RandomModels::get("bge-m3-small-f32", 38); }
  std::string out() const { return folder_ / "out"; }
};

TEST_F(ConvertTest, AConvertedModelEmbeds) {
  const ProcessResult convert = run({"convert", source(), out(), "--bits", "8"});
  EXPECT_EQ(convert.status, 0) << convert.err;
  const ProcessResult embed =
      run({"embed", "привет", "--dense", "--sparse", "--colbert", "--json", "--model", out()});
  EXPECT_EQ(embed.status, 0) << embed.err;
  EXPECT_EQ(json::parse(embed.out).at("dense").size(), 128u);
}

TEST_F(ConvertTest, TheSummaryCountsLayersAndHasTheLargestError) {
  const ProcessResult result = run({"convert", source(), out(), "--bits", "8"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json object =
      json::parse(run({"convert", source(), folder_ / "json", "--bits", "8", "--json"}).out);
  double largest = 0;
  for (const json& layer : object.at("layers")) {
    largest = std::max(largest, layer.at("relative_error").get<double>());
  }
  const LocalizedText text = format_text(
      "{}: 8 bits per weight, {} (was {})\n"
      "19 of {} layers are quantized, with an error of {:.3f} % at most\n",
      out(), format_bytes(object.at("bytes")), format_bytes(object.at("source_bytes")),
      object.at("layers").size(), 100 * largest);
  EXPECT_EQ(result.out, text.in(Language::kEnglish));
}

TEST_F(ConvertTest, ANameWithLineBreaksTakesOneLine) {
  const ProcessResult result = run({"convert", source(), folder_ / "a\nb\x1b[2J"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with((folder_ / "a b [2J: 8 bits").string())) << result.out;
}

TEST_F(ConvertTest, AFileIsNoFolderForTheResult) {
  write_file_atomically(out(), std::string_view());
  const ProcessResult result = run({"convert", source(), out()});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("out: is a file\nhint: name a new folder"), std::string::npos)
      << result.err;
}

TEST_F(ConvertTest, JsonReportsSizesAndErrorsOfEveryLayer) {
  const ProcessResult result = run({"convert", source(), out(), "--bits", "4", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json object = json::parse(result.out);
  EXPECT_EQ(object.at("bits"), 4);
  EXPECT_LT(object.at("bytes"), object.at("source_bytes"));
  std::size_t quantized = 0;
  for (const json& layer : object.at("layers")) {
    quantized += layer.at("quantized").get<bool>();
    EXPECT_EQ(layer.at("quantized").get<bool>(), layer.at("relative_error").get<double>() > 0);
  }
  EXPECT_EQ(quantized, 19u);  // 6 in each of 3 layers, and the word embeddings
}

TEST_F(ConvertTest, RussianUsersReadRussian) {
  EXPECT_NE(run({"convert", source(), out()}, "ru").out.find("ошибка не больше 0,"),
            std::string::npos);
  const ProcessResult again = run({"convert", source(), out()}, "ru");
  EXPECT_EQ(again.status, 2);
  EXPECT_NE(again.err.find("папка не пуста"), std::string::npos) << again.err;
}

TEST_F(ConvertTest, MissingModelsAndWrongBitsAreRefused) {
  EXPECT_EQ(run({"convert", "/no/such/model", out()}).status, 5);
  EXPECT_EQ(run({"convert", source(), out(), "--bits", "3"}).status, 2);
  EXPECT_EQ(run({"convert", source()}).status, 2);
}

}  // namespace
}  // namespace oko
