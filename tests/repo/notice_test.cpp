// NOTICE names all that the program consists of.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/repo/text_in.h"
#include "tests/support/process.h"

namespace oko {
namespace {

namespace fs = std::filesystem;

/// The words in brackets of NOTICE.
std::set<std::string> names_in_notice() {
  const std::string text = text_in(OKO_SOURCE_DIR "/NOTICE");
  static const std::regex bracket(R"(\(([^()]+)\))");
  static const std::regex word(R"([^,\s]+)");
  std::set<std::string> names;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), bracket);
       match != std::sregex_iterator(); ++match) {
    const std::string inside = (*match)[1];
    for (auto each = std::sregex_iterator(inside.begin(), inside.end(), word);
         each != std::sregex_iterator(); ++each) {
      names.insert(each->str());
    }
  }
  return names;
}

std::vector<std::string> matches(const std::string& text, const char* pattern) {
  const std::regex expression(pattern);
  std::vector<std::string> found;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), expression);
       match != std::sregex_iterator(); ++match) {
    found.push_back((*match)[1]);
  }
  return found;
}

/// "libblas" of "libblas-bd8a282c.so.3.10.0", as wheels rename libraries.
std::string without_version(const std::string& file) {
  return std::regex_replace(file, std::regex(R"((-[0-9a-f]{8})?\.so.*$)"), "");
}

/// An installed tree.
class NoticeTest : public ::testing::Test {
 protected:
  NoticeTest() : root_(fs::temp_directory_path() / ("oko_notice_" + std::to_string(::getpid()))) {
    fs::remove_all(root_);
    const ProcessResult result =
        Process({OKO_CMAKE, "--install", OKO_BINARY_DIR, "--prefix", root_.string()}, {}).wait();
    EXPECT_EQ(result.status, 0) << result.err;
  }
  ~NoticeTest() override { fs::remove_all(root_); }

  const fs::path root_;
};

TEST_F(NoticeTest, NamesEveryLibraryThatTheProgramLoads) {
  if (!OKO_HAS_TESSERACT) GTEST_SKIP() << "readelf is Linux's";
  const std::set<std::string> names = names_in_notice();
  std::vector<std::string> files{(root_ / "bin/oko").string()};
  for (const auto& entry : fs::directory_iterator(root_ / "lib/oko")) {
    files.push_back(entry.path());
    EXPECT_TRUE(names.contains(without_version(entry.path().filename()))) << entry.path();
  }
  ASSERT_GT(files.size(), 2u);
  int libraries = 0;
  for (const std::string& file : files) {
    const ProcessResult dynamic = Process({"/usr/bin/readelf", "-d", file}, {}).wait();
    for (const std::string& library : matches(dynamic.out, R"(\(NEEDED\)[^[]*\[([^\]]+)\])")) {
      const std::string name = without_version(library);
      EXPECT_TRUE(names.contains(name.starts_with("ld-linux") ? "ld-linux" : name))
          << file << " loads " << library;
      ++libraries;
    }
  }
  EXPECT_GT(libraries, 20);
}

TEST(NoticeFileTest, NamesEveryPackageOfTheBuild) {
  const std::set<std::string> names = names_in_notice();
  const std::set<std::string> tools{"Threads", "PkgConfig", "GTest", "benchmark"};
  const std::string build = text_in(OKO_SOURCE_DIR "/cmake/dependencies.cmake");
  std::vector<std::string> packages = matches(build, R"(find_package\((\w+))");
  for (const std::string& each : matches(build, R"(pkg_check_modules\((\w+))")) {
    packages.push_back(each);
  }
  for (const std::string& each : matches(build, R"(find_library\(\w+ (\w+))")) {
    packages.push_back(each);
  }
  EXPECT_GT(packages.size(), 12u);
  for (const std::string& package : packages) {
    EXPECT_TRUE(tools.contains(package) || names.contains(package)) << package;
  }
}

TEST_F(NoticeTest, FilesThatItNamesAreInstalled) {
  const std::string text = text_in(OKO_SOURCE_DIR "/NOTICE");
  const auto files = matches(text, R"(licenses/([\w./-]+\.txt))");
  EXPECT_GE(files.size(), 7u);
  for (const std::string& file : files) {
    EXPECT_TRUE(fs::exists(root_ / "share/doc/oko/licenses" / file)) << file;
  }
}

TEST(NoticeFileTest, NamesTheVersionsOfTheWheels) {
  const std::string text = text_in(OKO_SOURCE_DIR "/NOTICE");
  const std::string mlx = text_in(OKO_SOURCE_DIR "/cmake/mlx_wheel.cmake");
  const std::string pdfium = text_in(OKO_SOURCE_DIR "/cmake/pdfium.cmake");
  const std::string xgrammar = text_in(OKO_SOURCE_DIR "/cmake/xgrammar.cmake");
  for (const std::string& version :
       {"MLX " + matches(mlx, R"(OKO_MLX_VERSION ([\d.]+))").at(0),
        "pypdfium2 " + matches(pdfium, R"(OKO_PDFIUM_VERSION ([\d.]+))").at(0),
        "xgrammar " + matches(xgrammar, R"(OKO_XGRAMMAR_VERSION ([\d.]+))").at(0),
        "build " + matches(pdfium, R"(build (\d+))").at(0)}) {
    EXPECT_NE(text.find(version), std::string::npos) << version;
  }
}

}  // namespace
}  // namespace oko
