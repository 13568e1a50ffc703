// `oko ocr` on PDF, and the searchable PDF that it writes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "document/pdf.h"
#include "tests/support/process.h"
#include "tests/support/sanitizers.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/tesseract.h"
#include "tests/support/text_pages.h"

namespace oko {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kData = std::string(OKO_SOURCE_DIR) + "/tests/document/data/";
const std::string kReceipt = std::string(OKO_SOURCE_DIR) + "/tests/ocr/data/receipt_0.png";

class OcrPdfTest : public ScratchFolderTest {
 protected:
  static ProcessResult run(std::vector<std::string> arguments, const std::string& language = "en",
                           const std::string& tessdata = "TESSDATA_NONE=") {
    arguments.insert(arguments.begin(), {OKO_PROGRAM, "ocr"});
    return Process(arguments, {"LANG=" + language + "_XX.UTF-8", "LC_ALL=", tessdata}).wait();
  }

  /// Runs with --format pdf and opens the result.
  document::Pdf make_pdf(std::vector<std::string> arguments, int status = 0) {
    arguments.insert(arguments.end(), {"--format", "pdf"});
    const ProcessResult result = run(arguments);
    EXPECT_EQ(result.status, status) << result.err;
    write_file_atomically(folder_ / "out.pdf", std::string_view(result.out));
    return document::Pdf(folder_ / "out.pdf");
  }
};

TEST_F(OcrPdfTest, TextLayerIsPrintedWithoutAnEngine) {
  OKO_NEEDS_TESSERACT();
  const std::string no_data = "TESSDATA_PREFIX=" + folder_.string();
  ASSERT_EQ(run({kData + "scan.pdf"}, "en", no_data).status, 1) << "there is an engine";
  const ProcessResult result = run({kData + "text.pdf"}, "en", no_data);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out.rfind("Съешь же ещё этих мягких французских булок,\n", 0), 0u);
  EXPECT_NE(result.out.find("\nThe quick brown fox jumps over the lazy dog.\n"), std::string::npos);
}

TEST_F(OcrPdfTest, ScannedPagesAreRecognized) {
  OKO_NEEDS_TESSERACT();
  for (const char* name : {"scan.pdf", "garbage_text.pdf"}) {
    const ProcessResult result = run({kData + name, "--format", "json"});
    ASSERT_EQ(result.status, 0) << result.err;
    const json page = json::parse(result.out);
    EXPECT_EQ(page.at("source"), "ocr") << name;
    EXPECT_EQ(page.at("width"), 2479) << name;
    EXPECT_EQ(page.at("lines").at(0).at("text"), "Привет мир") << name;
    EXPECT_EQ(page.at("lines").at(1).at("text"), "Hello world") << name;
  }
}

TEST_F(OcrPdfTest, EachPageSaysWhereItsTextIsFrom) {
  OKO_NEEDS_TESSERACT();
  const ProcessResult result = run({kData + "mixed.pdf", kReceipt, "--format", "json"});
  ASSERT_EQ(result.status, 0) << result.err;
  std::istringstream lines(result.out);
  std::string sources, line;
  while (std::getline(lines, line)) {
    sources += json::parse(line).at("source").get<std::string>() + " ";
  }
  EXPECT_EQ(sources, "text_layer ocr text_layer ocr ");
}

TEST_F(OcrPdfTest, APdfUnderAnotherNameIsRead) {
  fs::copy_file(kData + "text.pdf", folder_ / "picture.png");
  const ProcessResult result = run({folder_ / "picture.png"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out.rfind("Съешь", 0), 0u) << result.out;
}

TEST_F(OcrPdfTest, ADamagedPageDoesNotStopTheOthers) {
  const ProcessResult result = run({kData + "damaged_page.pdf"}, "ru");
  EXPECT_EQ(result.status, 4);
  EXPECT_NE(result.err.find("damaged_page.pdf, страница 2: повреждена"), std::string::npos)
      << result.err;
  EXPECT_NE(result.out.find("страница 1:\nPage 1\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("страница 3:\nPage 3\n"), std::string::npos) << result.out;
  const document::Pdf pdf = make_pdf({kData + "damaged_page.pdf"}, 4);
  ASSERT_EQ(pdf.page_count(), 3) << "an empty one for the damaged one";
  EXPECT_FALSE(pdf.text_layer(1));
  EXPECT_EQ(pdf.text_layer(2)->text(), "Page 3\n");
}

TEST_F(OcrPdfTest, PasswordErrorHasAHint) {
  const ProcessResult result = run({kData + "locked.pdf"}, "ru");
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("PDF защищён паролем\nподсказка: укажите его пароль: --password ТЕКСТ"),
            std::string::npos)
      << result.err;
}

TEST_F(OcrPdfTest, SearchablePdfHasThePagesOfAllFilesInOrder) {
  OKO_NEEDS_TESSERACT();
  const document::Pdf pdf = make_pdf({kReceipt, kData + "mixed.pdf", kData + "rotated.pdf"});
  ASSERT_EQ(pdf.page_count(), 5);
  EXPECT_EQ(pdf.text_layer(0)->lines.at(0).text(), "Супермаркет «Эхо»");
  EXPECT_EQ(pdf.text_layer(1)->text(), "Первая\n");
  EXPECT_EQ(pdf.text_layer(2)->text(), "Вторая страница\n");
  EXPECT_EQ(pdf.page_size(1).width_points, 595);
  EXPECT_EQ(pdf.page_size(4).width_points, 140);
  EXPECT_EQ(pdf.text_layer(4)->text(), document::Pdf(kData + "rotated.pdf").text_layer(0)->text());
}

TEST_F(OcrPdfTest, WordsOfASearchablePdfLieWhereTheyWereRead) {
  OKO_NEEDS_TESSERACT();
  const ProcessResult result = run({kData + "scan.pdf", "--format", "json"});
  const json word = json::parse(result.out).at("lines").at(1).at("words").at(1);
  EXPECT_EQ(word.at("text"), "world");
  const document::Page read = *make_pdf({kData + "scan.pdf"}).text_layer(0);
  const document::Word& again = read.lines.at(1).words.at(1);
  EXPECT_EQ(again.text, "world");
  const float five_points = 5 * 300 / 72.0f;
  EXPECT_NEAR(again.box.left, word.at("box").at(0).get<float>(), five_points);
  EXPECT_NEAR(again.box.top, word.at("box").at(1).get<float>(), five_points);
  EXPECT_NEAR(again.box.width, word.at("box").at(2).get<float>(), five_points);
}

TEST_F(OcrPdfTest, WritesNothingIfNoPageIsRead) {
  const ProcessResult result =
      run({kData + "locked.pdf", kData + "no_pages.pdf", "--format", "pdf"});
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(result.out, "");
}

TEST_F(OcrPdfTest, IsNotWrittenToATerminal) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0) GTEST_SKIP() << "this system has no pseudo-terminals (/dev/pts)";
  ASSERT_EQ(::grantpt(terminal), 0);
  ASSERT_EQ(::unlockpt(terminal), 0);
  const std::string command =
      std::string(OKO_PROGRAM) + " ocr " + kData + "text.pdf --format pdf > " + ::ptsname(terminal);
  const ProcessResult result =
      Process({"/bin/sh", "-c", command}, {"LANG=ru_RU.UTF-8", "LC_ALL="}).wait();
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("PDF не выводят на терминал"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("-o out.pdf"), std::string::npos) << result.err;
  ::close(terminal);
}

TEST_F(OcrPdfTest, ForceReadsPagesThatHaveText) {
  OKO_NEEDS_TESSERACT();
  const ProcessResult result = run({kData + "mixed.pdf", "--force", "--format", "json"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(json::parse(result.out.substr(0, result.out.find('\n'))).at("source"), "ocr");
  const document::Pdf pdf = make_pdf({kData + "mixed.pdf", "--force"});
  EXPECT_EQ(pdf.text_layer(0)->text(), "Первая\n") << "once: it was there";
}

TEST_F(OcrPdfTest, OutputFileAppearsWhenComplete) {
  const std::string file = folder_ / "out.txt";
  write_file_atomically(file, "before");
  EXPECT_EQ(run({kData + "locked.pdf", "-o", file}).status, 4);
  EXPECT_EQ(read_file(file, 1000, ErrorCode::kFailed), "before");
  const ProcessResult result = run({kData + "text.pdf", "-o", file});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(read_file(file, 10'000, ErrorCode::kFailed).rfind("Съешь", 0), 0u);
  const std::string pdf = folder_ / "same.pdf";
  fs::copy_file(kData + "text.pdf", pdf);
  EXPECT_EQ(run({pdf, "--format", "pdf", "-o", pdf}).status, 0);
  EXPECT_EQ(document::Pdf(pdf).page_count(), 1) << "the file that was read";
  const ProcessResult folder = run({kData + "text.pdf", "-o", folder_});
  EXPECT_EQ(folder.status, 1);
  EXPECT_NE(folder.err.find("is not a file to write"), std::string::npos) << folder.err;
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 2);
}

TEST_F(OcrPdfTest, ADashAsTheOutputIsStandardOutput) {
  const ProcessResult result = run({kData + "text.pdf", "-o", "-"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with("Съешь")) << result.out;
}

TEST_F(OcrPdfTest, OutputMayBeALongNameOrALinkToAFileThatIsNotThere) {
  const fs::path file = folder_ / std::string(250, 'x'), link = folder_ / "link";
  EXPECT_EQ(run({kData + "text.pdf", "-o", file}).status, 0);
  EXPECT_TRUE(fs::exists(file));
  fs::create_directory(folder_ / "elsewhere");
  fs::create_symlink("elsewhere/out.txt", link);
  const ProcessResult linked = run({kData + "text.pdf", "-o", link});
  EXPECT_EQ(linked.status, 0) << linked.err;
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_TRUE(fs::is_regular_file(folder_ / "elsewhere" / "out.txt"));
}

TEST_F(OcrPdfTest, ALineBreakInANameIsNoneInAMessage) {
  const fs::path file = folder_ / "two\nlines.pdf";
  fs::copy_file(kData + "locked.pdf", file);
  const ProcessResult result = run({file});
  EXPECT_NE(result.err.find("two lines.pdf: "), std::string::npos) << result.err;
}

TEST_F(OcrPdfTest, FormatsComePageByPage) {
  write_text_pages(folder_ / "book.pdf", repetitions(500, 150));
  const std::string book = (folder_ / "book.pdf").string(), pipe = (folder_ / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const char* format : {"text", "json", "hocr"}) {
    Process process({"/bin/sh", "-c",
                     std::string("exec ") + OKO_PROGRAM + " ocr " + book + " --format " + format +
                         " > " + pipe},
                    {});
    const int reader = ::open(pipe.c_str(), O_RDONLY | O_CLOEXEC);
    char buffer[4096];
    ASSERT_EQ(::read(reader, buffer, 1), 1) << format;
    // It does not run ahead: the pipe holds a small part of the output.
    constexpr std::size_t kPipeBytes = 65'536;
    const auto first = process.processor_time();
    std::size_t bytes = 1;
    for (ssize_t got = 1; got > 0; got = ::read(reader, buffer, sizeof(buffer))) {
      bytes += static_cast<std::size_t>(got);
    }
    ::close(reader);
    process.wait_for_end();
    EXPECT_GT(bytes, 4 * kPipeBytes) << format;
    if (first.count() > 0) {
      EXPECT_LE(first, process.processor_time() / 2) << format;
    }
    EXPECT_EQ(process.wait().status, 0) << format;
  }
}

TEST_F(OcrPdfTest, AClosedPipeOrAFullDiskEndsIt) {
  const std::string command =
      std::string(OKO_PROGRAM) + " ocr " + kData + "text.pdf " + kData + "poster.pdf --format pdf";
  const auto shell = [&](const std::string& tail) {
    return Process({"/bin/sh", "-c", command + tail}, {"LANG=en_US.UTF-8", "LC_ALL="}).wait();
  };
  const ProcessResult closed = shell(" | head -c 10");
  EXPECT_EQ(closed.status, 0) << closed.err;
  EXPECT_EQ(closed.out.rfind("%PDF-1.", 0), 0u);
  if (!fs::exists("/dev/full")) return;  // Linux has it
  const ProcessResult full = shell(" > /dev/full");
  EXPECT_EQ(full.status, 1);
  EXPECT_NE(full.err.find("standard output cannot be written"), std::string::npos) << full.err;
}

}  // namespace
}  // namespace oko
