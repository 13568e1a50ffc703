// What `oko describe` and `oko ocr` take: files, folders, standard input.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "cli/folder_files.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/terminal.h"
#include "tests/support/white_bitmap.h"

namespace oko {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kPdf = std::string(OKO_SOURCE_DIR) + "/tests/document/data/text.pdf";
const std::string kPicture = std::string(OKO_SOURCE_DIR) + "/tests/image/data/alpha.png";

class InputsTest : public ScratchFolderTest {
 protected:
  ProcessResult run(std::vector<std::string> arguments, const std::string& language = "en") const {
    arguments.insert(arguments.begin(), OKO_PROGRAM);
    return Process(arguments, {"LANG=" + language + "_XX.UTF-8",
                               "LC_ALL=", "OKO_HOME=" + (folder_ / "home").string()})
        .wait();
  }
  ProcessResult describe(std::vector<std::string> arguments,
                         const std::string& language = "en") const {
    arguments.insert(arguments.begin(),
                     {"describe", "--model", RandomModels::get("qwen3-vl-small-4bit", 5).string(),
                      "--max-tokens", "2", "--ocr", "off", "--quiet"});
    return run(arguments, language);
  }

  std::string put(const std::string& name, const std::string& bytes) const {
    fs::create_directories((folder_ / name).parent_path());
    write_file_atomically(folder_ / name, bytes);
    return (folder_ / name).string();
  }
  std::string picture(const std::string& name) const { return put(name, white_bitmap(64, 64)); }
  std::string pdf(const std::string& name) const {
    return put(name, read_file(kPdf, 1 << 20, ErrorCode::kFailed));
  }

  std::vector<std::string> found(const fs::path& folder) const {
    std::vector<std::string> names;
    for (const std::string& file : cli::pictures_in(folder, {}).files) {
      names.push_back(fs::path(file).lexically_relative(folder_).string());
    }
    return names;
  }

  static std::vector<std::string> files_in(const std::string& lines) {
    std::vector<std::string> files;
    std::istringstream text(lines);
    for (std::string line; std::getline(text, line);) {
      files.push_back(json::parse(line).at("file"));
    }
    return files;
  }
};

TEST_F(InputsTest, AFolderStandsForItsPicturesInOrder) {
  picture("in/b.png");
  picture("in/a/2.dat");  // by its bytes
  pdf("in/a/1.pdf");
  put("in/c/empty.JPG", "");  // by its name
  put("in/notes.txt", "words");
  put("in/drawing.svg", "<svg/>");
  picture("in/.hidden.png");
  picture("in/.git/x.png");
  const std::vector<std::string> expected{"in/a/1.pdf", "in/a/2.dat", "in/b.png", "in/c/empty.JPG"};
  EXPECT_EQ(found(folder_ / "in"), expected);
}

TEST_F(InputsTest, LinksOfFoldersEnd) {
  const fs::path in = folder_ / "in";
  picture("in/sub/a.png");
  picture("outside/b.png");
  fs::create_directory_symlink("..", in / "sub" / "up");
  fs::create_directory_symlink(in / "loop", in / "loop");
  fs::create_directory_symlink("sub", in / "again");
  fs::create_directory_symlink(folder_ / "outside", in / "link");
  fs::create_symlink("nowhere.png", in / "broken.png");
  const std::vector<std::string> expected{"in/link/b.png", "in/sub/a.png"};
  EXPECT_EQ(found(in), expected);
}

TEST_F(InputsTest, AFolderThatCannotBeReadIsNamedAndTheOthersAreRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root reads every folder";
  picture("in/a.png");
  picture("in/locked/b.png");
  fs::permissions(folder_ / "in" / "locked", fs::perms::none);
  const cli::FolderFiles files = cli::pictures_in(folder_ / "in", {});
  fs::permissions(folder_ / "in" / "locked", fs::perms::owner_all);
  EXPECT_EQ(files.files.size(), 1u);
  ASSERT_EQ(files.unreadable.size(), 1u);
  EXPECT_NE(files.unreadable[0].second.message().in(Language::kEnglish).find("locked: the folder"),
            std::string::npos);
}

TEST_F(InputsTest, DescribeAndOcrTakeFolders) {
  const std::string a = picture("in/a.png"), b = picture("in/sub/b.png");
  put("in/notes.txt", "words");
  const ProcessResult described = describe({"--json", folder_ / "in"});
  EXPECT_EQ(described.status, 0) << described.err;
  EXPECT_EQ(files_in(described.out), (std::vector<std::string>{a, b}));
  const std::string page = pdf("papers/page.pdf");
  const ProcessResult read = run({"ocr", "--format", "json", folder_ / "papers", page});
  EXPECT_EQ(read.status, 0) << read.err;
  EXPECT_EQ(files_in(read.out), (std::vector<std::string>{page, page}));
}

TEST_F(InputsTest, AMistypedNameGetsTheOneThatWasMeant) {
  const std::string there = picture("in/check.png"), none = folder_ / "in" / "chek.png";
  picture("in/other.png");
  const std::string hint = "hint: did you mean " + there + "?\n";
  EXPECT_EQ(run({"ocr", none}).err, "oko: " + none + ": no such file\n" + hint);
  EXPECT_EQ(describe({none}).err, "oko: " + none + ": no such file\n" + hint);
  EXPECT_NE(describe({there, "--prompt-file", none}).err.find(hint), std::string::npos);
  EXPECT_NE(run({"ocr", none}, "ru").err.find("подсказка: может быть, " + there + "?\n"),
            std::string::npos);
  EXPECT_NE(run({"ocr", folder_ / "in" / "nothing.gif"}).err.find("hint: check the path\n"),
            std::string::npos);
}

TEST_F(InputsTest, AFolderWithoutPicturesIsAnErrorThatTellsTheKinds) {
  put("in/notes.txt", "words");
  for (const char* command : {"ocr", "describe"}) {
    const ProcessResult result = run({command, folder_ / "in"});
    EXPECT_EQ(result.status, 4) << command;
    EXPECT_EQ(result.err,
              "oko: " + (folder_ / "in").string() +
                  ": the folder has no pictures and no PDF\n"
                  "hint: JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP and PDF are looked "
                  "for, in its folders, too, but not in hidden ones\n");
  }
  const ProcessResult russian = run({"ocr", folder_ / "in"}, "ru");
  EXPECT_NE(russian.err.find("в папке нет ни картинок, ни PDF\nподсказка: ищутся JPEG"),
            std::string::npos)
      << russian.err;
  const ProcessResult both = run({"ocr", folder_ / "in", kPdf});
  EXPECT_EQ(both.status, 4);
  EXPECT_NE(both.out.find(' '), std::string::npos) << "the other one is read: " << both.err;
  EXPECT_NE(both.err.find("oko: 1 of 2 files could not be read: "), std::string::npos) << both.err;
}

TEST_F(InputsTest, TheEndOfAMixedRunNamesTheFirstFilesThatFailed) {
  std::vector<std::string> line{"ocr", kPdf};
  for (const char* name : {"a.png", "b.png", "c.png", "d.png"}) line.push_back(put(name, ""));
  const ProcessResult read = run(line);
  EXPECT_EQ(read.status, 4);
  EXPECT_TRUE(
      read.err.ends_with("\noko: 4 of 5 files could not be read: a.png, b.png, c.png, ...\n"))
      << read.err;
  EXPECT_TRUE(
      run(line, "ru")
          .err.ends_with("\noko: не удалось прочитать 4 из 5 файлов: a.png, b.png, c.png, ...\n"));
  const ProcessResult described = describe({picture("white.bmp"), folder_ / "a.png"});
  EXPECT_EQ(described.status, 4);
  EXPECT_TRUE(described.err.ends_with("oko: 1 of 2 files could not be described: a.png\n"))
      << described.err;
  EXPECT_TRUE(describe({picture("white.bmp"), folder_ / "a.png"}, "ru")
                  .err.ends_with("oko: не удалось описать 1 из 2 файлов: a.png\n"));
}

TEST_F(InputsTest, TheBarStandsBeforeTheFirstIsReady) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  const std::vector<std::string> environment{"LC_ALL=en_US.UTF-8", "TERM=xterm"};
  const std::string model = RandomModels::get("qwen3-vl-small-4bit", 5).string();
  Terminal described({OKO_PROGRAM, "describe", "--model", model, kPicture, "--max-tokens", "1"},
                     environment);
  EXPECT_TRUE(described.shows("looking  [..............................]  0 %"));
  Terminal read({OKO_PROGRAM, "ocr", kPicture}, environment);
  EXPECT_TRUE(read.shows("reading  [..............................]  0 %"));
}

TEST_F(InputsTest, ARunWithoutAnyFileTellsEachReason) {
  fs::create_directories(folder_ / "a");
  fs::create_directories(folder_ / "b");
  const std::string none = folder_ / "none";  // a model
  for (const bool ocr : {false, true}) {
    const auto command = [&](std::vector<std::string> line) {
      if (ocr) {
        line.insert(line.begin(), "ocr");
      } else {
        line.insert(line.begin(), {"describe", "--model", none});
      }
      return run(line);
    };
    const ProcessResult one = command({"--json", folder_ / "a"});
    EXPECT_EQ(one.status, 4) << "before the model: " << one.err;
    EXPECT_EQ(json::parse(one.out).at("error").at("code"), "not_found");
    const ProcessResult two = command({"--json", folder_ / "a", folder_ / "b"});
    EXPECT_EQ(two.status, 4);
    EXPECT_EQ(files_in(two.out).size(), 2u);
    EXPECT_TRUE(two.err.ends_with("oko: none of 2 inputs could be read: a, b\n")) << two.err;
  }
  const ProcessResult pdf =
      run({"ocr", "--format", "pdf", folder_ / "a", folder_ / "b", "-o", folder_ / "x"}, "ru");
  EXPECT_EQ(pdf.status, 4);
  EXPECT_NE(pdf.err.find("не удалось прочитать ничего из 2 входов: a, b"), std::string::npos);
}

TEST_F(InputsTest, HeadingsStandOnlyOverText) {
  const std::string white = picture("white.bmp"), empty = put("empty.png", "");
  const std::string alone = describe({white}).out;
  EXPECT_EQ(describe({empty, white, empty, white}).out,
            white + ":\n" + alone + "\n" + white + ":\n" + alone);
}

}  // namespace
}  // namespace oko
