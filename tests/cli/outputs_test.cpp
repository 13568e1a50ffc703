// Where results go, and which pages are taken: -o, --out-dir, --pages, --password, --together.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/input_file.h"
#include "document/qpdf_file.h"
#include "tests/support/process.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/text_pages.h"

namespace oko {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kSource = OKO_SOURCE_DIR;
const std::string kStars = kSource + "/demo/images/stars.png";
const std::string kHearts = kSource + "/demo/images/hearts.jpg";
const std::string kPdf = kSource + "/tests/document/data/text.pdf";
const std::string kLocked = kSource + "/tests/document/data/locked.pdf";
const std::string kTiff = kSource + "/tests/image/data/pages.tiff";

class OutputsTest : public ScratchFolderTest {
 protected:
  ProcessResult run(std::vector<std::string> arguments, const std::string& language = "en",
                    const std::string& input = "/dev/null") const {
    arguments.insert(arguments.begin(), OKO_PROGRAM);
    return Process(arguments,
                   {"LANG=" + language + "_XX.UTF-8",
                    "LC_ALL=", "OKO_HOME=" + (folder_ / "home").string()},
                   input)
        .wait();
  }
  ProcessResult describe(std::vector<std::string> arguments, const std::string& language = "en",
                         const std::string& input = "/dev/null") const {
    arguments.insert(arguments.begin(), {"describe", "--model", kSource + "/demo/models/tiny-vl",
                                         "--ocr", "off", "--quiet", "--lang", "en"});
    return run(arguments, language, input);
  }
  std::string text(const fs::path& name) const {
    return read_file(folder_ / name, 1 << 20, ErrorCode::kFailed);
  }
  std::string book(int pages) const {
    const std::string path = folder_ / "book.pdf";
    write_text_pages(path, pages);
    return path;
  }
  static std::vector<int> pages_in(const std::string& lines) {
    std::vector<int> pages;
    std::istringstream text(lines);
    for (std::string line; std::getline(text, line);) pages.push_back(json::parse(line).at("page"));
    return pages;
  }
};

TEST_F(OutputsTest, AFolderGetsOneFilePerInput) {
  fs::create_directories(folder_ / "in" / "sub");
  fs::copy_file(kStars, folder_ / "in" / "a.png");
  fs::copy_file(kHearts, folder_ / "in" / "a.jpg");
  fs::copy_file(kStars, folder_ / "in" / "sub" / "A.png");
  write_file_atomically(folder_ / "in" / "empty.png", std::string_view(""));
  const std::string out = folder_ / "out";
  const ProcessResult result = describe({folder_ / "in", "--out-dir", out});
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("1 of 4 files could not be described: empty.png"), std::string::npos);
  EXPECT_EQ(text("out/a.txt"), "Four red hearts.\n");
  EXPECT_EQ(text("out/a-2.txt"), "Three yellow stars.\n");
  EXPECT_EQ(text("out/sub/A.txt"), "Three yellow stars.\n");
  EXPECT_EQ(std::distance(fs::recursive_directory_iterator(out), {}), 4);
  const ProcessResult again = describe({kHearts, kStars, "--out-dir", out, "--json"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(json::parse(text("out/stars.json")).at("text"), "Three yellow stars.");
}

TEST_F(OutputsTest, OcrWritesEachFormatPerInput) {
  const std::string pdf = book(2);
  for (const char* format : {"text", "json", "hocr", "pdf"}) {
    const ProcessResult result =
        run({"ocr", pdf, kPdf, "--format", format, "--out-dir", folder_ / "out"});
    EXPECT_EQ(result.status, 0) << format << result.err;
    EXPECT_EQ(result.out + result.err, "") << format;
  }
  EXPECT_NE(text("out/book.txt").find("book.pdf, page 2:\n"), std::string::npos);
  EXPECT_EQ(text("out/text.txt").find("text.pdf"), std::string::npos) << "one page has no heading";
  EXPECT_EQ(pages_in(text("out/book.json")), (std::vector<int>{1, 2}));
  EXPECT_EQ(pages_in(text("out/text.json")), (std::vector<int>{1}));
  EXPECT_TRUE(text("out/text.hocr").ends_with("</html>\n"));
  EXPECT_TRUE(text("out/text.pdf").starts_with("%PDF-"));
}

TEST_F(OutputsTest, FailedFilesHaveRecordsInAFolder) {
  const fs::path out = folder_ / "out";
  const std::string none = folder_ / "gone.png";
  using Arguments = std::vector<std::string>;
  for (const Arguments& inputs : {Arguments{none}, Arguments{none, kPdf}}) {
    for (const bool reads : {true, false}) {
      Arguments all = inputs;
      all.insert(all.end(), {"--json", "--out-dir", out});
      if (reads) all.insert(all.begin(), "ocr");
      const ProcessResult result = reads ? run(all) : describe(all);
      EXPECT_EQ(result.status, 4);
      EXPECT_EQ(result.out, "");
      const json record = json::parse(text("out/gone.json"));
      EXPECT_EQ(record.at("file"), none);
      EXPECT_EQ(record.at("error").at("code"), "not_found");
      fs::remove_all(out);
    }
  }
  const ProcessResult folder = run({"ocr", kPdf, folder_, "--json", "--out-dir", out});
  EXPECT_EQ(folder.status, 4) << "it has no pictures";
  EXPECT_EQ(json::parse(folder.out).at("file"), folder_.string()) << "it has no file of its own";
}

TEST_F(OutputsTest, LinksInAFolderLeadNowhere) {
  const fs::path out = folder_ / "out", other = folder_ / "other";
  fs::create_directories(out);
  fs::create_directories(other);
  write_file_atomically(folder_ / "kept", std::string_view("kept"));
  fs::create_symlink("../kept", out / "stars.txt");
  const ProcessResult result = describe({kStars, "--out-dir", out});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(text("kept"), "kept");
  EXPECT_EQ(text("out/stars.txt"), "Three yellow stars.\n");
  EXPECT_FALSE(fs::is_symlink(out / "stars.txt"));
  fs::create_directories(folder_ / "in" / "sub");
  fs::copy_file(kStars, folder_ / "in" / "sub" / "a.png");
  fs::create_directory_symlink("../other", out / "sub");
  const ProcessResult outside = describe({folder_ / "in", "--out-dir", out}, "ru");
  EXPECT_EQ(outside.status, 1);
  EXPECT_NE(outside.err.find("out/sub: это ссылка, она ведёт прочь из"), std::string::npos)
      << outside.err;
  EXPECT_TRUE(fs::is_empty(other));
}

TEST_F(OutputsTest, AnInputIsNeverAnOutput) {
  const std::string pdf = book(1), before = text("book.pdf");
  fs::create_directory_symlink(".", folder_ / "same");
  for (const char* folder : {"", "same"}) {
    const ProcessResult result =
        run({"ocr", pdf, "--format", "pdf", "--out-dir", folder_ / folder}, "ru");
    EXPECT_EQ(result.status, 2);
    EXPECT_NE(result.err.find("это один из читаемых файлов"), std::string::npos) << result.err;
  }
  EXPECT_EQ(describe({kStars, "-o", kStars}).status, 2);
  EXPECT_EQ(text("book.pdf"), before);
}

TEST_F(OutputsTest, BadPlacesForResultsAreErrors) {
  write_file_atomically(folder_ / "file", std::string_view("x"));
  const ProcessResult file = run({"ocr", kPdf, "--out-dir", folder_ / "file"});
  EXPECT_EQ(file.status, 1);
  EXPECT_EQ(file.err, "oko: " + (folder_ / "file").string() +
                          ": is a file, not a folder\n"
                          "hint: name a folder after --out-dir; -o takes a file\n");
  EXPECT_EQ(run({"ocr", kPdf, "--out-dir", folder_ / "out", "-o", folder_ / "x"}).status, 2);
  EXPECT_EQ(describe({kStars, kHearts, "--together", "--out-dir", folder_ / "out"}).status, 2);
  EXPECT_EQ(describe({folder_ / "none.png", "-o", folder_ / "x"}).status, 4);
  EXPECT_FALSE(fs::exists(folder_ / "x"));
}

TEST_F(OutputsTest, OneFileGetsAllAnswers) {
  const ProcessResult result = describe({kStars, kHearts, "-o", folder_ / "all.txt"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(text("all.txt"),
            kStars + ":\nThree yellow stars.\n\n" + kHearts + ":\nFour red hearts.\n");
}

TEST_F(OutputsTest, ChosenPagesAreReadAndDescribed) {
  const std::string pdf = book(5);
  const ProcessResult read = run({"ocr", pdf, "--pages", "4-,2", "--json"});
  EXPECT_EQ(pages_in(read.out), (std::vector<int>{2, 4, 5})) << read.err;
  const ProcessResult described = describe({pdf, "--pages", "1,3", "--json", "--max-tokens", "1"});
  EXPECT_EQ(pages_in(described.out), (std::vector<int>{1, 3})) << described.err;
  const ProcessResult tiff = describe({kTiff, "--pages", "2", "--json", "--max-tokens", "1"});
  EXPECT_EQ(pages_in(tiff.out), (std::vector<int>{2})) << tiff.err;
  const ProcessResult all = describe({pdf, kTiff, "--json", "--max-tokens", "1"});
  EXPECT_EQ(std::count(all.out.begin(), all.out.end(), '\n'), 6) << "one page of the TIFF";
}

TEST_F(OutputsTest, PagesThatAreNotThereAreErrors) {
  const std::string pdf = book(3);
  for (const char* command : {"ocr", "describe"}) {
    const ProcessResult result = std::string(command) == "ocr" ? run({"ocr", pdf, "--pages", "2-4"})
                                                               : describe({pdf, "--pages", "2-4"});
    EXPECT_EQ(result.status, 4);
    EXPECT_EQ(result.err, "oko: " + pdf +
                              ": has no page 4: the last is page 3\n"
                              "hint: the pages are 1 to 3\n");
  }
  EXPECT_NE(run({"ocr", pdf, "--pages", "9"}, "ru").err.find("страницы 9 нет: последняя — 3"),
            std::string::npos);
  EXPECT_EQ(run({"ocr", pdf, "--pages", "3-1"}).status, 2);
  const ProcessResult described = describe({kStars, "--pages", "2", "--json"});
  EXPECT_NE(described.err.find("hint: it has one page\n"), std::string::npos) << described.err;
  EXPECT_FALSE(json::parse(described.out).contains("page")) << described.out;
  EXPECT_EQ(run({"ocr", pdf, kPdf, "--pages", "2"}).status, 4) << "the other one is read";
}

TEST_F(OutputsTest, OtherPagesOfASearchablePdfStay) {
  const std::string pdf = book(3), out = folder_ / "out.pdf";
  const ProcessResult result = run({"ocr", pdf, "--pages", "2", "--format", "pdf", "-o", out});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(pages_in(run({"ocr", out, "--json"}).out), (std::vector<int>{1, 2, 3}));
}

TEST_F(OutputsTest, ALockedPdfWantsItsPassword) {
  const ProcessResult without = run({"ocr", kLocked});
  EXPECT_EQ(without.status, 4);
  EXPECT_NE(
      without.err.find("is protected by a password\nhint: give its password: --password TEXT"),
      std::string::npos)
      << without.err;
  EXPECT_NE(run({"ocr", kLocked, "--password", "no"}, "ru").err.find("пароль PDF другой"),
            std::string::npos);
  const ProcessResult read = run({"ocr", kLocked, "--password", "secret", "--json"});
  EXPECT_EQ(read.status, 0) << read.err;
  EXPECT_FALSE(json::parse(read.out).at("text").get<std::string>().empty());
  EXPECT_EQ(describe({kLocked, "--password", "secret", "--max-tokens", "1"}).status, 0);
}

TEST_F(OutputsTest, ASearchableCopyOfALockedScanKeepsItsPassword) {
  const std::string scan = folder_ / "scan.pdf", out = folder_ / "out.pdf";
  {
    document::QpdfFile qpdf;
    const std::string source = kSource + "/tests/document/data/scan.pdf";
    ASSERT_TRUE(qpdf.open(InputFile(source, ErrorCode::kFailed).map()));
    qpdf_init_write(qpdf, scan.c_str());
    qpdf_set_r6_encryption_parameters2(qpdf, "secret", "owner", QPDF_TRUE, QPDF_TRUE, QPDF_TRUE,
                                       QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, qpdf_r3p_full, QPDF_TRUE);
    ASSERT_EQ(qpdf_write(qpdf) & QPDF_ERRORS, 0);
  }
  const ProcessResult made =
      run({"ocr", scan, "--password", "secret", "--format", "pdf", "-o", out});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_EQ(run({"ocr", out}).status, 4) << "it has the password of the scan";
  const ProcessResult read = run({"ocr", out, "--password", "secret", "--json"});
  ASSERT_EQ(read.status, 0) << read.err;
  EXPECT_EQ(json::parse(read.out).at("source"), "text_layer");
  EXPECT_NE(read.out.find("Hello world"), std::string::npos) << read.out;
}

TEST_F(OutputsTest, APdfIsDescribedWithItsText) {
  const ProcessResult result = run({"describe", "--model", kSource + "/demo/models/tiny-vl", kPdf,
                                    "--max-tokens", "1", "--json", "--quiet"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json page = json::parse(result.out);
  EXPECT_EQ(page.at("pages"), 1);
  EXPECT_NE(page.at("ocr_lines").dump().find("французских булок"), std::string::npos) << page;
}

TEST_F(OutputsTest, OneQuestionIsAskedAboutAllPictures) {
  const ProcessResult result = describe({kStars, kHearts, "--together", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json answer = json::parse(result.out);
  EXPECT_EQ(answer.at("files"), json({kStars, kHearts}));
  EXPECT_FALSE(answer.at("text").get<std::string>().empty());
  EXPECT_FALSE(answer.contains("ocr_lines"));
  const ProcessResult read =
      run({"describe", "--model", kSource + "/demo/models/tiny-vl", kStars,
           kSource + "/demo/pages/receipt.png", "--together", "--json", "--max-tokens", "1"});
  ASSERT_EQ(read.status, 0) << read.err;
  EXPECT_GT(json::parse(read.out).at("ocr_lines").size(), 10u);
  const ProcessResult other = describe({kHearts, kStars, "--together", "--json"});
  EXPECT_NE(json::parse(other.out).at("text"), answer.at("text")) << "the order matters";
  const ProcessResult failed = describe({kStars, folder_ / "none.png", "--together"});
  EXPECT_EQ(failed.status, 4);
  EXPECT_EQ(failed.out, "");
  const ProcessResult record = describe({kStars, folder_ / "none.png", "--together", "--json"});
  EXPECT_EQ(json::parse(record.out).at("error").at("code"), "not_found") << record.out;
}

TEST_F(OutputsTest, TheQuestionComesFromAFileOrStandardInput) {
  write_file_atomically(folder_ / "question", std::string_view("Опиши это изображение.\r\n\n"));
  const std::string question = folder_ / "question";
  const std::string expected = describe({kStars, "-p", "Опиши это изображение."}).out;
  EXPECT_EQ(expected, "Три жёлтые звезды.\n");
  EXPECT_EQ(describe({kStars, "--prompt-file", question}).out, expected);
  EXPECT_EQ(describe({kStars, "--prompt-file", "-"}, "en", question).out, expected);
  EXPECT_EQ(describe({"-", "--prompt-file", "-"}, "en", question).status, 2);
  EXPECT_EQ(describe({kStars, "-p", "a", "--prompt-file", question}).status, 2);
  EXPECT_EQ(describe({kStars, "--prompt-file", folder_ / "none"}).status, 4);
  write_file_atomically(folder_ / "blank", std::string_view(" \n"));
  const ProcessResult blank = describe({kStars, "--prompt-file", folder_ / "blank"});
  EXPECT_EQ(blank.status, 4) << "the usual question would be a surprise";
  EXPECT_NE(blank.err.find("blank: has no question\n"), std::string::npos) << blank.err;
}

TEST_F(OutputsTest, AnInstructionIsPartOfThePrompt) {
  const auto tokens = [&](std::vector<std::string> extra) {
    extra.insert(extra.begin(), {kStars, "--json", "--stats", "--max-tokens", "1"});
    return json::parse(describe(extra).out).at("stats").at("prompt_tokens").get<int>();
  };
  EXPECT_GT(tokens({"--system", "Answer in one word."}), tokens({}) + 4);
  EXPECT_GT(tokens({"--system", "Be short.", "--together"}), tokens({"--together"}) + 2);
}

TEST_F(OutputsTest, AQuestionInPlaceOfAFileIsHintedAt) {
  const ProcessResult english = describe({kStars, "What colour is it?"});
  EXPECT_EQ(english.status, 4);
  EXPECT_EQ(english.out, "") << "nothing is described with another question";
  EXPECT_EQ(
      english.err,
      "oko: What colour is it?: no such file\nhint: to ask something, use --prompt \"...\"\n");
  EXPECT_NE(describe({kStars, "Опиши цвета"}, "ru").err.find("чтобы задать вопрос, используйте"),
            std::string::npos);
  EXPECT_NE(describe({kStars, "my holiday.jpg"}).out, "") << "that is a file";
}

}  // namespace
}  // namespace oko
