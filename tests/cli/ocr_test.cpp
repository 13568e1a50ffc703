// The output and the refusals of `oko ocr` and `oko eval ocr`.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "image/image.h"
#include "image/jpeg.h"
#include "tests/support/process.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/tesseract.h"

namespace oko {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kPages = std::string(OKO_SOURCE_DIR) + "/tests/ocr/data";
const std::string kReceipt = kPages + "/receipt_0.png";
const std::string kPicture = std::string(OKO_SOURCE_DIR) + "/demo/images/hearts.jpg";

class OcrTest : public ScratchFolderTest {
 protected:
  static ProcessResult run(std::vector<std::string> arguments, const std::string& language = "en") {
    arguments.insert(arguments.begin(), OKO_PROGRAM);
    return Process(arguments, {"LANG=" + language + "_XX.UTF-8", "LC_ALL="}).wait();
  }
};

TEST_F(OcrTest, TextIsTheDefault) {
  OKO_NEEDS_TESSERACT();
  const ProcessResult result = run({"ocr", kReceipt});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out.rfind("Супермаркет «Эхо»\nг. Пермь, ул. Южная, д. 31\n", 0), 0u)
      << result.out;
  EXPECT_NE(result.out.find("Чай Earl Grey 29,49\n"), std::string::npos) << result.out;
}

TEST_F(OcrTest, JsonHasLinesAndWordsWithBoxes) {
  OKO_NEEDS_TESSERACT();
  const ProcessResult result = run({"ocr", kReceipt, "--format", "json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json page = json::parse(result.out);
  EXPECT_EQ(page.at("file"), kReceipt);
  EXPECT_EQ(page.at("source"), "ocr");
  EXPECT_EQ(page.at("width"), 293);
  const json& line = page.at("lines").at(0);
  EXPECT_EQ(line.at("text"), "Супермаркет «Эхо»");
  EXPECT_EQ(line.at("words").size(), 2u);
  for (const json& box : {line.at("box"), line.at("words").at(0).at("box")}) {
    ASSERT_EQ(box.size(), 4u);
    for (const json& number : box) EXPECT_GE(number.get<double>(), 0);
  }
  EXPECT_GT(line.at("confidence").get<double>(), 0.5);
  EXPECT_EQ(line.at("words").at(0).at("language"), "ru");
}

TEST_F(OcrTest, WordsBelowTheLeastConfidenceAreMarked) {
  OKO_NEEDS_TESSERACT();
  const std::string cutting = kPages + "/hard/short_mixed_0.png";
  const ProcessResult text = run({"ocr", cutting, "--min-confidence", "1"});
  EXPECT_EQ(text.out.rfind("[Переходник?] [HDMI?]", 0), 0u) << text.out;
  const ProcessResult result = run({"ocr", cutting, "--min-confidence", "1", "--format", "json"});
  const json page = json::parse(result.out);
  EXPECT_EQ(page.at("text").get<std::string>().rfind("Переходник HDMI", 0), 0u) << "as it was read";
  EXPECT_TRUE(page.at("lines").at(0).at("words").at(0).at("unsure"));
  EXPECT_FALSE(page.contains("doubtful"));
  EXPECT_EQ(run({"ocr", cutting, "--min-confidence", "1.5"}).status, 2);
}

TEST_F(OcrTest, NotesUnreadablePageButNotPictureWithoutText) {
  OKO_NEEDS_TESSERACT();
  image::Image receipt = image::load(kReceipt);
  std::vector<std::uint8_t> mirrored;
  for (int y = 0; y < receipt.height; ++y) {
    for (int x = receipt.width - 1; x >= 0; --x) {
      mirrored.insert(mirrored.end(), 3,
                      receipt.rgb[3 * static_cast<std::size_t>(y * receipt.width + x)]);
    }
  }
  receipt.rgb = mirrored;
  const fs::path file = folder_ / "mirrored.jpg";
  write_file_atomically(file, std::string_view(image::encode_jpeg(receipt, 90)));
  const ProcessResult result = run({"ocr", file.string(), "--format", "json"});
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(json::parse(result.out).at("doubtful"));
  EXPECT_NE(result.err.find(file.string() + ": "), std::string::npos) << result.err;
  EXPECT_EQ(run({"ocr", file.string(), "--quiet"}).err, "");
  const ProcessResult drawing = run({"ocr", kPicture, "--format", "json"});
  EXPECT_FALSE(json::parse(drawing.out).contains("doubtful"));
  EXPECT_EQ(drawing.err, "");
}

TEST_F(OcrTest, HocrIsOneDocumentOfAllPages) {
  OKO_NEEDS_TESSERACT();
  const ProcessResult result = run({"ocr", kReceipt, kPages + "/table_0.png", "--format", "hocr"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out.rfind("<?xml", 0), 0u);
  EXPECT_NE(result.out.find("id=\"page_2\""), std::string::npos);
  EXPECT_EQ(result.out.find("id=\"page_3\""), std::string::npos);
  EXPECT_NE(result.out.find(">Супермаркет</span>"), std::string::npos);
  EXPECT_NE(result.out.find("x_wconf"), std::string::npos);
  EXPECT_EQ(result.out.substr(result.out.size() - 8), "</html>\n");
}

TEST_F(OcrTest, SeveralFilesAreNamedAndABadOneDoesNotStopTheOthers) {
  OKO_NEEDS_TESSERACT();
  const ProcessResult result = run({"ocr", folder_ / "none.png", kReceipt});
  EXPECT_EQ(result.status, 4);
  EXPECT_NE(result.out.find(kReceipt + ":\nСупермаркет"), std::string::npos) << result.out;
  EXPECT_NE(result.err.find("none.png"), std::string::npos) << result.err;
}

TEST_F(OcrTest, EachFileThatFailedHasItsHint) {
  OKO_NEEDS_TESSERACT();
  write_file_atomically(folder_ / "text.png", std::string_view("a text"));
  const ProcessResult result =
      run({"ocr", folder_ / "text.png", folder_ / "none.png", kReceipt, "--json"});
  EXPECT_EQ(result.status, 4);
  std::istringstream lines(result.out);
  std::vector<json> records;
  for (std::string line; std::getline(lines, line);) records.push_back(json::parse(line));
  ASSERT_EQ(records.size(), 3u) << result.out;
  EXPECT_EQ(records[0].at("error").at("code"), "unsupported");
  EXPECT_EQ(records[1].at("error").at("code"), "not_found");
  EXPECT_FALSE(records[1].contains("page"));
  EXPECT_TRUE(records[2].contains("lines"));
  EXPECT_NE(result.err.find("hint: use a PDF, JPEG"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("hint: check the path"), std::string::npos) << result.err;
}

TEST_F(OcrTest, EveryPageOfATiffIsReadInOrder) {
  OKO_NEEDS_TESSERACT();
  const std::string file = kPages + "/two_pages.tif";
  const ProcessResult text = run({"ocr", file}, "ru");
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_EQ(text.out.rfind(file + ", страница 1:\nСупермаркет «Эхо»\n", 0), 0u) << text.out;
  EXPECT_NE(text.out.find(file + ", страница 2:\nСчёт"), std::string::npos) << text.out;
  const ProcessResult result = run({"ocr", file, "--format", "json", "--threads", "2"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto end = result.out.find('\n');
  const json first = json::parse(result.out.substr(0, end)),
             second = json::parse(result.out.substr(end));
  EXPECT_EQ(first.at("page"), 1);
  EXPECT_EQ(second.at("page"), 2);
  EXPECT_EQ(second.at("pages"), 2);
}

TEST_F(OcrTest, ADamagedPageDoesNotStopTheOthers) {
  OKO_NEEDS_TESSERACT();
  std::string bytes = read_file(kPages + "/two_pages.tif", 1'000'000, ErrorCode::kFailed);
  // The first page's compressed rows begin after the header of 8 bytes.
  for (std::size_t i = 40; i < 2000; ++i) bytes[i] = '\x55';
  write_file_atomically(folder_ / "damaged.tif", std::string_view(bytes));
  const ProcessResult result = run({"ocr", folder_ / "damaged.tif"});
  EXPECT_EQ(result.status, 4) << result.err;
  EXPECT_NE(result.err.find("damaged.tif"), std::string::npos) << result.err;
  EXPECT_NE(result.out.find("page 2:\nСчёт"), std::string::npos) << result.out;
  const ProcessResult lines = run({"ocr", folder_ / "damaged.tif", "--json"});
  EXPECT_EQ(json::parse(lines.out).at("page"), 2) << "one record: " << lines.out;
}

TEST_F(OcrTest, APageThatDoesNotFitTheBudgetDoesNotStopTheOthers) {
  OKO_NEEDS_TESSERACT();
  const image::Image blank{1900, 1900, std::vector<std::uint8_t>(1900 * 1900 * 3, 255)};
  write_file_atomically(folder_ / "blank.jpg", std::string_view(image::encode_jpeg(blank, 85)));
  const ProcessResult both =
      run({"ocr", folder_ / "blank.jpg", kReceipt, "--budget", "250MB", "--threads", "2"});
  EXPECT_EQ(both.status, 3) << both.err;
  EXPECT_NE(both.err.find("blank.jpg: needs 289MB of memory; budget 250MB"), std::string::npos)
      << both.err;
  EXPECT_NE(both.out.find("Супермаркет"), std::string::npos) << both.out;
  EXPECT_NE(both.err.find("use --budget 289MB"), std::string::npos) << both.err;
  const ProcessResult alone = run({"ocr", folder_ / "blank.jpg", "--budget", "250MB"}, "ru");
  EXPECT_EQ(alone.status, 3) << alone.err;
  EXPECT_NE(alone.err.find("подсказка: укажите --budget 289MB"), std::string::npos) << alone.err;
  EXPECT_EQ(run({"ocr", kReceipt, "--budget", "100MB"}).status, 3) << "no room for the engine";
}

TEST_F(OcrTest, APictureThatDoesNotFitTheBudgetIsShrunkWhileItIsDecoded) {
  OKO_NEEDS_TESSERACT();
  const image::Image page = image::load(kReceipt);
  constexpr int kScale = 6;
  image::Image large{kScale * page.width, kScale * page.height, {}};
  for (int y = 0; y < large.height; ++y) {
    for (int x = 0; x < large.width; ++x) {
      const auto* const pixel = &page.rgb[3 * (y / kScale * page.width + x / kScale)];
      large.rgb.insert(large.rgb.end(), pixel, pixel + 3);
    }
  }
  write_file_atomically(folder_ / "large.jpg", std::string_view(image::encode_jpeg(large, 85)));
  const ProcessResult result =
      run({"ocr", folder_ / "large.jpg", "--budget", "300MB", "--format", "json"}, "ru");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(
      result.err.find("large.jpg: " + std::to_string(large.width) + " × " +
                      std::to_string(large.height) + " пикселей, при декодировании уменьшена до "),
      std::string::npos)
      << result.err;
  EXPECT_NE(result.out.find("Супермаркет"), std::string::npos) << result.out;
  const nlohmann::json json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json.at("width"), large.width) << "boxes are those of the file";
}

TEST_F(OcrTest, APictureIsNotOverwrittenWithItsText) {
  const std::filesystem::path picture = folder_ / "picture.png", link = folder_ / "link.txt";
  std::filesystem::copy(kReceipt, picture);
  std::filesystem::create_symlink("picture.png", link);
  for (const std::filesystem::path& output : {picture, link}) {
    const ProcessResult result = run({"ocr", kReceipt, picture, "-o", output});
    EXPECT_EQ(result.status, 2);
    EXPECT_NE(result.err.find("is one of the files to read"), std::string::npos) << result.err;
    EXPECT_EQ(std::filesystem::file_size(picture), std::filesystem::file_size(kReceipt));
  }
}

TEST_F(OcrTest, PictureWithoutTextIsNoError) {
  OKO_NEEDS_TESSERACT();
  const ProcessResult result = run({"ocr", kPicture, "--format", "json"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(json::parse(result.out).at("lines").size(), 0u) << result.out;
}

TEST_F(OcrTest, BadInputIsReportedInBothLanguages) {
  OKO_NEEDS_TESSERACT();
  write_file_atomically(folder_ / "text.png", std::string_view("not a picture"));
  const ProcessResult english = run({"ocr", folder_ / "text.png"});
  EXPECT_EQ(english.status, 4);
  EXPECT_EQ(english.out, "");
  const ProcessResult russian = run({"ocr", kReceipt, "--languages", "ru,tlh"}, "ru");
  EXPECT_EQ(russian.status, 2);
  EXPECT_NE(russian.err.find("текст на языке «tlh» не читается"), std::string::npos) << russian.err;
  const ProcessResult format = run({"ocr", kReceipt, "--format", "docx"});
  EXPECT_EQ(format.status, 2);
  EXPECT_NE(format.err.find("docx"), std::string::npos) << format.err;
}

TEST_F(OcrTest, EvalPrintsTheRatesOfAFolder) {
  OKO_NEEDS_TESSERACT();
  for (const char* name : {"receipt_0.png", "receipt_0.txt"}) {
    fs::copy_file(fs::path(kPages) / name, folder_ / name);
  }
  const ProcessResult nowhere = run({"eval", "ocr", folder_ / "none"});
  EXPECT_EQ(nowhere.status, 4);
  EXPECT_NE(nowhere.err.find("the folder cannot be read: No such file"), std::string::npos)
      << nowhere.err;
  const ProcessResult table = run({"eval", "ocr", folder_}, "ru");
  ASSERT_EQ(table.status, 0) << table.err;
  EXPECT_NE(table.out.find("кириллица"), std::string::npos) << table.out;
  const ProcessResult result = run({"eval", "ocr", folder_, "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json rates = json::parse(result.out);
  EXPECT_EQ(rates.at("files").size(), 1u);
  EXPECT_GE(rates.at("raw").at("character_error_rate").get<double>(), 0);
  EXPECT_LT(rates.at("repaired").at("character_error_rate").get<double>(), 0.04);
  EXPECT_GT(rates.at("raw").at("characters").at("cyrillic").at("total").get<int>(), 100);
  fs::create_directories(folder_ / "latin");
  fs::copy_file(fs::path(kPages) / "receipt_0.png", folder_ / "latin" / "a.png");
  write_file_atomically(folder_ / "latin" / "a.txt", std::string_view("abc\n"));
  const ProcessResult latin = run({"eval", "ocr", folder_ / "latin"});
  EXPECT_NE(latin.out.find("\nCyrillic          -\n"), std::string::npos) << latin.out;
}

TEST_F(OcrTest, EvalNamesSkippedFilesAndSurvivesADamagedPicture) {
  OKO_NEEDS_TESSERACT();
  for (const char* name : {"receipt_0.png", "receipt_0.txt"}) {
    fs::copy_file(fs::path(kPages) / name, folder_ / name);
  }
  for (const char* name : {"cut.png", "cut.txt", "picture.png", "words.txt"}) {
    write_file_atomically(folder_ / name, std::string_view("words"));
  }
  const ProcessResult result = run({"eval", "ocr", folder_, "--json"});
  EXPECT_EQ(result.status, 4) << result.err;
  for (const char* part : {"cut.png: ", "picture.png: is left out", "words.txt: is left out",
                           "not every picture was read"}) {
    EXPECT_NE(result.err.find(part), std::string::npos) << part << " in\n" << result.err;
  }
  EXPECT_EQ(result.err.find("receipt_0"), std::string::npos) << result.err;
  const json rates = json::parse(result.out);
  EXPECT_TRUE(rates.at("files").at(0).contains("error")) << rates;
  EXPECT_TRUE(rates.at("files").at(1).contains("raw")) << rates;
  EXPECT_GT(rates.at("raw").at("characters").at("cyrillic").at("total").get<int>(), 100);
}

TEST_F(OcrTest, EvalReadsFilesAsOcrDoes) {
  OKO_NEEDS_TESSERACT();
  const std::string file = kPages + "/two_pages.tif";
  fs::copy_file(file, folder_ / "pages.tif");
  write_file_atomically(folder_ / "pages.txt", std::string_view(run({"ocr", file}).out));
  const ProcessResult result = run({"eval", "ocr", folder_, "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const double wrong = json::parse(result.out).at("repaired").at("word_error_rate");
  EXPECT_LT(wrong, 0.05) << "only the headings of the pages";
  const ProcessResult poor = run({"eval", "ocr", folder_, "--budget", "100MB"}, "ru");
  EXPECT_EQ(poor.status, 3) << poor.out;
  EXPECT_NE(poor.err.find("pages.tif"), std::string::npos) << poor.err;
  EXPECT_NE(poor.err.find("подсказка: укажите --budget "), std::string::npos) << poor.err;
}

TEST_F(OcrTest, EvalOfAFolderWithoutTruthIsRefused) {
  fs::copy_file(kReceipt, folder_ / "receipt.png");
  const ProcessResult result = run({"eval", "ocr", folder_});
  EXPECT_EQ(result.status, 4);
  EXPECT_NE(result.err.find("no pictures with their text"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace oko
