#include "decoding/helpers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/stop_token.h"
#include "decoding/page_messages.h"
#include "decoding/platform.h"
#include "document/pages.h"
#include "document/text_document.h"
#include "tests/decoding/open_descriptors.h"
#include "tests/support/docx_file.h"
#include "tests/support/sanitizers.h"
#include "tests/support/scratch_folder.h"

namespace oko::decoding {
namespace {

namespace fs = std::filesystem;
using document::Pages;
using document::TextKind;

const fs::path kPictures = OKO_SOURCE_DIR "/tests/image/data";
const fs::path kDocuments = OKO_SOURCE_DIR "/tests/document/data";
const fs::path kText = OKO_SOURCE_DIR "/demo/texts/bicycle.md";

HelperOptions helper(std::vector<std::string> arguments = {kHelperArgument}) {
  HelperOptions options;
  options.program = OKO_TEST_HELPER;
  options.arguments = std::move(arguments);
  return options;
}

std::string described(const image::Image& image) {
  const std::string_view pixels(reinterpret_cast<const char*>(image.rgb.data()), image.rgb.size());
  return fmt::format("{}x{} of {}x{} at {}: {:x}\n", image.width, image.height, image.stored_width,
                     image.stored_height, image.resolution, std::hash<std::string_view>()(pixels));
}

std::string described(const LocalizedText& text) {
  return text.in(Language::kEnglish) + "|" + text.in(Language::kRussian) + "\n";
}

std::string described(const document::Page& page) {
  std::string all = fmt::format("{}x{} {} {}\n", page.width, page.height,
                                static_cast<int>(page.source), page.is_doubtful);
  for (const document::Line& line : page.lines) {
    all += fmt::format("{} {} {} {}\n", line.box.left, line.box.top, line.confidence, line.block);
    for (const document::Word& word : line.words) {
      all += fmt::format("{} {} {} {} {} {} {} {}\n", word.text, word.box.left, word.box.top,
                         word.box.width, word.box.height, word.confidence, word.language,
                         static_cast<int>(word.source));
    }
  }
  for (const LocalizedText& note : page.notes) all += described(note);
  return all;
}

/// All that `read` gives, or its error.
template <typename Read>
std::string outcome_of(const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    return fmt::format("{} ", name_of(error.code())) + described(error.message()) +
           described(error.hint());
  }
}

/// All that a program can learn of a page.
std::string described(Pages& pages, std::size_t i, std::uint64_t bytes) {
  std::string all = outcome_of([&] {
    document::LoadedPage loaded = pages.load(i, nullptr);
    if (const auto* page = std::get_if<document::Page>(&loaded.content)) return described(*page);
    const auto& image = std::get<image::Image>(loaded.content);
    std::string picture = described(image);
    document::Page read;
    read.width = image.width;
    read.height = image.height;
    return picture + described(loaded.complete ? loaded.complete(read) : read);
  });
  all += outcome_of([&] { return described(pages.reduction(i)); });
  all += outcome_of([&] {
    const auto bytes_of = [](const image::Header& header) {
      return 3 * static_cast<std::uint64_t>(header.width) * header.height;
    };
    const image::Fitted fitted = pages.fit(i, bytes, bytes_of);
    const Pages::Shown shown = pages.show(i, fitted);
    return described(shown.image) + described(shown.reduction);
  });
  return all;
}

std::string described(const document::TextDocument& text) {
  std::string all = text.title + "\n" + text.language + "\n";
  if (text.date) all += fmt::format("{}\n", text.date->time_since_epoch().count());
  for (const document::TextBlock& block : text.blocks) {
    all += fmt::format("{} {} {}\n", static_cast<int>(block.kind), block.level, block.text);
  }
  for (const LocalizedText& note : text.notes) all += described(note);
  return all;
}

/// Files of text of this repository.
std::vector<fs::path> all_texts() {
  std::vector<fs::path> files{OKO_SOURCE_DIR "/README.ru.md"};
  for (const char* folder : {"fuzz/corpus/text_document", "demo/texts", "docs", "tests/ocr/data"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(OKO_SOURCE_DIR) / folder)) {
      const fs::path extension = entry.path().extension();
      if (!entry.is_regular_file()) continue;
      if (extension.empty() || extension == ".txt" || extension == ".md") {
        files.push_back(entry.path());
      }
    }
  }
  return files;
}

/// An email in Russian: an encoding of each kind, a file in it, an email in it.
std::string russian_email() {
  return "From: =?koi8-r?B?6dfBzg==?= <ivan@example.org>\r\nTo: a@example.org\r\n"
         "Subject: =?UTF-8?Q?=D0=A1=D1=87=D1=91=D1=82_?= =?UTF-8?B?4oSWIDU=?=\r\n"
         "Date: Wed, 01 May 2024 03:00:00 +0300\r\n"
         "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
         "--b\r\nContent-Type: text/plain; charset=windows-1251\r\n"
         "Content-Transfer-Encoding: quoted-printable\r\n\r\n=CF=F0=E8=\r\n=E2=E5=F2\r\n"
         "--b\r\nContent-Type: text/html; charset=iso-2022-jp\r\n\r\n<p>\x1B$B$\"\x1B(B\r\n"
         "--b\r\nContent-Type: application/pdf; name=\"\xD1\x87.pdf\"\r\n\r\n%PDF\r\n"
         "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Re: x\r\n"
         "Date: Wed, 1 May 2024 03:00:00 MSK\r\n\r\ninside\r\n--b--\r\n";
}

/// A DOCX file with all that oko reads of one.
std::string russian_docx() {
  const std::string properties =
      "<p xmlns:d=\"d\"><d:title>Договор</d:title><d:language>ru-RU</d:language>"
      "<d:modified>2024-05-01T10:00:00Z</d:modified></p>";
  return docx_file(
      "<w:p><w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr><w:r><w:t>Глава</w:t></w:r>"
      "</w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc></w:tr>"
      "</w:tbl>",
      {{"docProps/core.xml", properties},
       {"word/header1.xml", docx_body("<w:p><w:r><w:t>Верх</w:t></w:r></w:p>")},
       {"word/media/a.png", "png"}});
}

std::vector<fs::path> all_files() {
  std::vector<fs::path> files;
  for (const fs::path& folder : {kPictures, kDocuments}) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string extension = entry.path().extension();
      if (extension != ".ppm" && extension != ".txt" && extension != ".md") {
        files.push_back(entry.path());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool has_filters() {
  return text_of("/proc/self/status").find("Seccomp:") != std::string::npos;
}

class HelpersTest : public ScratchFolderTest {
 protected:
  /// Of a program that is started with "once".
  bool wait_for_starts(std::uintmax_t count) const {
    constexpr std::chrono::milliseconds kPause{5};
    constexpr int kTries = 4000;
    for (int i = 0; i < kTries && lines_of_starts() < count; ++i) {
      std::this_thread::sleep_for(kPause);
    }
    return lines_of_starts() >= count;
  }
  std::uintmax_t lines_of_starts() const { return text_of(starts()).size(); }

  /// The message of what is not decoded: a picture, a PDF or a text by the name of `path`.
  std::string message_of_helper(std::vector<std::string> arguments,
                                const fs::path& path = kPictures / "rgb.png") {
    HelperOptions options = helper(std::move(arguments));
    options.cpu_seconds = 1;
    Helpers helpers(options);
    const auto decoder = helpers.decoder({});
    const InputFile file(path, ErrorCode::kBadInput);
    return message_of(
        [&] {
          if (path.extension() == ".md") {
            decoder->read_text_document(file, TextKind::kMarkdown);
            return;
          }
          decoder->page_count(file, {});
          if (path.extension() == ".pdf") {
            decoder->read_page(file, {}, 0, {});
          } else {
            decoder->load(file, {}, 0);
          }
        },
        ErrorCode::kBadInput);
  }

  std::string starts() const { return (folder_ / "starts").string(); }
};

TEST_F(HelpersTest, DecodeAsThisProcessDoesBitForBit) {
  Helpers helpers(helper());
  const auto decoder = helpers.decoder({});
  const std::vector<fs::path> files = all_files();
  ASSERT_GT(files.size(), 60u);
  for (const fs::path& file : files) {
    for (const std::string& password : {std::string(), std::string("secret")}) {
      if (!password.empty() && file.filename() != "locked.pdf") continue;
      document::PagesOptions here;
      here.pdf.password = password;
      document::PagesOptions there = here;
      there.decoder = decoder;
      Pages expected({file.string()}, here), pages({file.string()}, there);
      ASSERT_EQ(pages.size(), expected.size()) << file;
      for (std::size_t i = 0; i < pages.size(); ++i) {
        // The second size shrinks what has more than 2 megapixels.
        EXPECT_EQ(described(pages, i, 6'000'000), described(expected, i, 6'000'000)) << file;
      }
    }
  }
}

TEST_F(HelpersTest, DecodeWhatHasTextWithItsPicture) {
  Helpers helpers(helper());
  document::PagesOptions here;
  here.ignores_text = true;
  here.pdf.max_pixels = 1'000'000;
  document::PagesOptions there = here;
  there.decoder = helpers.decoder({});
  Pages expected({(kDocuments / "mixed.pdf").string()}, here);
  Pages pages({(kDocuments / "mixed.pdf").string()}, there);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    EXPECT_EQ(described(pages, i, UINT64_MAX), described(expected, i, UINT64_MAX)) << i;
  }
}

TEST_F(HelpersTest, ReadTextsAsThisProcessDoesBitForBit) {
  // Words of Russian in other encodings, which the system loads from its files.
  const std::string windows1251 = "\xD1\xF7\xB8\xF2 \xE7\xE0 \xE2\xEE\xE4\xF3";
  const std::string koi8 = "\xF3\xDE\xA3\xD4 \xDA\xC1 \xD7\xCF\xC4\xD5";
  const std::pair<const char*, std::string> kMore[] = {
      {"1251.txt", windows1251},
      {"koi8.md", "# " + koi8},
      {"1251.html", "<meta charset=windows-1251><p>" + windows1251},
      {"iso.html", "<html lang=ru><meta charset=iso-8859-5><p>\xC1\xE7\xF1\xE2"},
      {"sjis.html", "<meta charset=shift_jis><p>\x82\xA0"},
      {"utf16.txt", std::string("\xFF\xFE\x1F\x04\x34\x00", 6)},
      {"nul.csv", std::string("a\0b;c\n", 6)},
      {"docx.docx", russian_docx()},
      {"broken.docx", russian_docx().substr(0, 300)},
      {"xml.docx", zip_file({{"word/document.xml", "<a><b></a>"}})},
      {"email.eml", russian_email()},
      {"broken.eml", "no header"},
      {"empty.txt", ""},
      {"page.md", "<!DOCTYPE html><p>a page in place of a file"},
      {"date.html", "<meta name=date content=\"0001-01-01T00:00+14:00\"><p>old"}};
  std::vector<fs::path> files = all_texts();
  ASSERT_GT(files.size(), 30u);
  for (const auto& [name, bytes] : kMore) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    files.push_back(folder_ / name);
  }
  Helpers helpers(helper());
  const auto decoder = helpers.decoder({});
  constexpr TextKind kKinds[] = {TextKind::kPlain, TextKind::kMarkdown, TextKind::kHtml,
                                 TextKind::kDocx, TextKind::kEmail};
  for (const fs::path& path : files) {
    const InputFile file(path, ErrorCode::kBadInput);
    for (const TextKind kind : kKinds) {
      const std::string expected =
          outcome_of([&] { return described(document::read_text_document(file, kind)); });
      EXPECT_EQ(outcome_of([&] { return described(decoder->read_text_document(file, kind)); }),
                expected)
          << path;
    }
  }
}

TEST_F(HelpersTest, ATextThatIsABombEndsAlone) {
  if (OKO_SANITIZED) GTEST_SKIP() << "it takes minutes";
  Helpers helpers(helper());
  const auto decoder = helpers.decoder({}, HelperScope::kFile);
  const auto outcome = [&](const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    const InputFile file(folder_ / name, ErrorCode::kBadInput);
    const auto kind = document::text_kind_of(name, bytes).value_or(TextKind::kPlain);
    return outcome_of([&] { return described(decoder->read_text_document(file, kind)); });
  };
  std::vector<std::pair<std::string, std::string>> parts{{"word/document.xml", docx_body("")}};
  std::string spaces;
  spaces.resize(60'000'000, ' ');
  for (int i = 0; i < 9; ++i) {
    parts.emplace_back(fmt::format("word/header{}.xml", i), docx_body(spaces));
  }
  EXPECT_TRUE(outcome("zip.docx", zip_file(parts))
                  .starts_with("too_large " + (folder_ / "zip.docx").string() +
                               ": its unpacked content is over the limit"));
  std::string entities = "<!DOCTYPE x [<!ENTITY a0 \"ha\">";
  for (int i = 1; i < 30; ++i) {
    entities += fmt::format("<!ENTITY a{} \"&a{};&a{};\">", i, i - 1, i - 1);
  }
  EXPECT_TRUE(outcome("xml.docx", zip_file({{"word/document.xml", entities + "]><x>&a29;</x>"}}))
                  .starts_with("bad_input"));
  std::string paragraphs = "<p>";
  for (int i = 0; i < 4'000'001; ++i) paragraphs += "a<p>";
  EXPECT_TRUE(outcome("parts.html", paragraphs).starts_with("too_large"));
  EXPECT_EQ(outcome("good.md", "# Заголовок"), "Заголовок\n\n1 1 Заголовок\n");
}

TEST_F(HelpersTest, AParserThatFailsEndsItsTextAlone) {
  for (const char* how : {"crash", "spin", "memory", "violate"}) {
    const bool has_limits = !OKO_SANITIZED && has_filters();
    if (how != std::string("crash") && !has_limits) continue;
    fs::remove(starts());
    HelperOptions options = helper({"once", starts(), how});
    options.cpu_seconds = 1;
    Helpers helpers(options);
    const auto decoder = helpers.decoder({}, HelperScope::kFile);
    const InputFile bad(kText, ErrorCode::kBadInput);
    const std::string message = message_of(
        [&] { decoder->read_text_document(bad, TextKind::kMarkdown); }, ErrorCode::kBadInput);
    EXPECT_NE(message.find("bicycle.md: could not be decoded: "), std::string::npos) << message;
    const std::string reason = how == std::string("spin") ? "takes more than 1 second" : "crashed";
    EXPECT_NE(message.find(reason), std::string::npos) << how << message;
    const InputFile good(OKO_SOURCE_DIR "/demo/texts/shchi.txt", ErrorCode::kBadInput);
    EXPECT_FALSE(decoder->read_text_document(good, TextKind::kPlain).blocks.empty()) << how;
  }
}

TEST_F(HelpersTest, CountTheMemoryOfBothProcesses) {
  Helpers helpers(helper());
  document::PagesOptions there;
  there.decoder = helpers.decoder({});
  for (const fs::path& file : {kPictures / "rgb.png", kDocuments / "scan.pdf"}) {
    Pages here({file.string()}, {});
    Pages pages({file.string()}, there);
    const std::uint64_t mapped = fs::file_size(file);  // no private memory of a helper
    EXPECT_GE(pages.memory_of(0).total() + mapped, here.memory_of(0).total() + kHelperBytes)
        << file;
  }
}

TEST_F(HelpersTest, ACrashEndsOneRequestAlone) {
  Helpers helpers(helper({"once", starts(), "crash"}));
  const InputFile file(kPictures / "rgb.png", ErrorCode::kBadInput);
  const auto failing = helpers.decoder({});
  for (int i = 0; i < 2; ++i) {  // it has no second try, which could give half of a document
    const std::string message =
        message_of([&] { failing->page_count(file, {}); }, ErrorCode::kBadInput);
    EXPECT_NE(message.find("rgb.png: could not be decoded: its decoder crashed (signal 6)"),
              std::string::npos)
        << message;
  }
  EXPECT_TRUE(wait_for_starts(2)) << "the next one gets ready at once";
  EXPECT_EQ(helpers.decoder({})->page_count(file, {}), 1);
}

TEST_F(HelpersTest, ACrashEndsOneFileAlone) {
  Helpers helpers(helper({"once", starts(), "crash"}));
  const auto decoder = helpers.decoder({}, HelperScope::kFile);
  const InputFile bad(kPictures / "rgb.png", ErrorCode::kBadInput);
  const InputFile good(kPictures / "24.bmp", ErrorCode::kBadInput);
  for (int i = 0; i < 2; ++i) {
    message_of([&] { decoder->page_count(bad, {}); }, ErrorCode::kBadInput);
  }
  EXPECT_EQ(decoder->page_count(good, {}), 1);
  EXPECT_EQ(decoder->load(good, {}, 0).rgb, image::load(good, {}, 0).rgb);
  EXPECT_TRUE(wait_for_starts(2));
  EXPECT_EQ(decoder->page_count(bad, {}), 1) << "in the third, with a process that does not crash";
}

TEST_F(HelpersTest, EachFileHasOneOfItsOwn) {
  Helpers helpers(helper({"once", starts(), kHelperArgument}));
  const auto decoder = helpers.decoder({}, HelperScope::kFile);
  for (const char* name : {"rgb.png", "24.bmp"}) {
    const InputFile file(kPictures / name, ErrorCode::kBadInput);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(decoder->page_count(file, {}), 1);
  }
  EXPECT_TRUE(wait_for_starts(3)) << "for two files, and one that is ready";
}

TEST_F(HelpersTest, NoneIsMadeReadyDuringAPause) {
  Helpers helpers(helper({"once", starts(), kHelperArgument}));
  const InputFile file(kPictures / "rgb.png", ErrorCode::kBadInput);
  std::optional<Helpers::Pause> first(&helpers), second(&helpers);
  EXPECT_EQ(helpers.decoder({})->page_count(file, {}), 1);
  first.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(lines_of_starts(), 1u);
  EXPECT_EQ(helpers.decoder({})->page_count(file, {}), 1) << "one starts where none is ready";
  EXPECT_EQ(lines_of_starts(), 2u);
  second.reset();
  EXPECT_TRUE(wait_for_starts(3));
}

TEST_F(HelpersTest, OneThatIsKilledBeforeItHasAFileIsReplaced) {
  const InputFile file(kPictures / "rgb.png", ErrorCode::kBadInput);
  for (const char* when : {"start", "ready", "open"}) {
    fs::remove(starts());
    Helpers helpers(helper({"once", starts(), "killed", when}));
    EXPECT_EQ(helpers.decoder({})->page_count(file, {}), 1) << when;
  }
}

TEST_F(HelpersTest, ThoseThatAreAlwaysKilledAreNotTheFilesFault) {
  const InputFile file(kPictures / "rgb.png", ErrorCode::kBadInput);
  for (const char* when : {"start", "ready", "open"}) {
    Helpers helpers(helper({"killed", when, starts()}));
    const auto decoder = helpers.decoder({});
    for (int i = 0; i < 2; ++i) {
      const std::string message =
          message_of([&] { decoder->page_count(file, {}); }, ErrorCode::kFailed);
      EXPECT_NE(message.find("its decoder crashed (signal 9)"), std::string::npos) << message;
    }
  }
  EXPECT_EQ(lines_of_starts(), 3u) << "tries with \"open\"; later calls need none";
}

TEST_F(HelpersTest, EndlessWorkEnds) {
  if (OKO_SANITIZED) GTEST_SKIP() << "helpers have no limits";
  EXPECT_NE(message_of_helper({"spin"}).find("takes more than 1 second of the processor"),
            std::string::npos);
}

TEST_F(HelpersTest, EndlessMemoryEnds) {
  if (OKO_SANITIZED) GTEST_SKIP() << "helpers have no limits";
  EXPECT_NE(message_of_helper({"memory"}).find("its decoder crashed"), std::string::npos);
}

TEST_F(HelpersTest, MemoryThatTheSystemDoesNotCountEnds) {
  if (OKO_SANITIZED) GTEST_SKIP() << "helpers have no limits";
  HelperOptions options = helper({"shared"});
  options.patience = std::chrono::seconds(20);
  Helpers helpers(options);
  const InputFile file(kPictures / "rgb.png", ErrorCode::kBadInput);
  const std::string message =
      message_of([&] { helpers.decoder({})->read_header(file, {}, 0); }, ErrorCode::kBadInput);
  EXPECT_NE(message.find("takes more memory than oko reserves"), std::string::npos) << message;
}

TEST_F(HelpersTest, LiesAreNotBelieved) {
  for (const char* about : {"header", "bytes", "picture", "more", "pages", "message"}) {
    EXPECT_NE(message_of_helper({"lie", about}).find("its decoder said what cannot be"),
              std::string::npos)
        << about;
  }
  EXPECT_NE(message_of_helper({"lie", "page"}, kDocuments / "text.pdf").find("said what cannot be"),
            std::string::npos);
  for (const char* about : {"control", "empty", "message"}) {
    EXPECT_NE(message_of_helper({"lie", about}, kText).find("said what cannot be"),
              std::string::npos)
        << about;
  }
}

TEST_F(HelpersTest, ReachNeitherFilesNorTheNetworkNorProcesses) {
  if (OKO_SANITIZED || !has_filters()) GTEST_SKIP() << "no filter of system calls";
  HelperProcess process(helper());
  const Confinement confinement = process.confinement();
  EXPECT_TRUE(confinement.calls);
  EXPECT_TRUE(confinement.files);
  const std::string tried = message_of_helper({"escape"});
  for (const char* refused :
       {"open: Permission denied", "create: Permission denied", "socket: Operation not permitted",
        "fork: Operation not permitted", "exec: Operation not permitted",
        "kill: Operation not permitted", "truncate: Operation not permitted"}) {
    EXPECT_NE(tried.find(refused), std::string::npos) << refused << " in\n" << tried;
  }
  EXPECT_EQ(tried.find("done"), std::string::npos) << tried;
}

TEST_F(HelpersTest, AClientThatHangsUpEndsThem) {
  Helpers helpers(helper({"spin"}));
  const StopSource stop;
  const auto decoder = helpers.decoder(stop.get_token());
  const InputFile file(kPictures / "rgb.png", ErrorCode::kBadInput);
  const JoiningThread client([&] { stop.request_stop(); });
  message_of([&] { decoder->page_count(file, {}); }, ErrorCode::kCancelled);
}

TEST_F(HelpersTest, AClientThatHangsUpEndsOneThatDoesNotTakeItsFile) {
  Helpers helpers(helper({"silent", starts()}));
  const StopSource stop;
  const auto decoder = helpers.decoder(stop.get_token());
  const InputFile file(kPictures / "rgb.png", ErrorCode::kBadInput);
  const JoiningThread client([&] {
    wait_for_starts(1);
    stop.request_stop();
  });
  message_of([&] { decoder->page_count(file, {}); }, ErrorCode::kCancelled);
}

TEST_F(HelpersTest, LeaveNothingBehind) {
  const InputFile file(kPictures / "rgb.png", ErrorCode::kBadInput);
  const auto use = [&] {
    Helpers helpers(helper());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(helpers.decoder({})->page_count(file, {}), 1);
  };
  use();
  const std::size_t before = open_descriptors();
  for (int i = 0; i < repetitions(30, 2); ++i) use();
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a process is left";
}

TEST_F(HelpersTest, GiveNoSecretsOfTheServerToAHelper) {
  ::setenv("OKO_API_KEY", "secret", 1);
  HelperProcess process(helper());
  ::unsetenv("OKO_API_KEY");
  process.confinement();
  const std::string all = text_of(fmt::format("/proc/{}/environ", process.id()));
  EXPECT_EQ(all.find("OKO_API_KEY"), std::string::npos);
}

TEST(PageMessagesTest, TextsAreWholeCharacters) {
  MessageWriter writer;
  writer.text("a\xFF");
  MessageReader reader(writer.bytes());
  EXPECT_EQ(reader.text(), "a\uFFFD");
  MessageReader shorter(std::string_view(writer.bytes()).substr(0, 9));
  EXPECT_THROW(shorter.text(), BadMessage);
}

}  // namespace
}  // namespace oko::decoding
