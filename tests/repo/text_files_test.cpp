// Rules for files that are not C++: clang-format does not see them.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/repo/text_in.h"

namespace oko {
namespace {

namespace fs = std::filesystem;

bool is_checked(const fs::path& path) {
  constexpr std::string_view kExtensions[] = {".md", ".cmake", ".js", ".mjs", ".css", ".html"};
  return std::count(std::begin(kExtensions), std::end(kExtensions), path.extension()) > 0 ||
         path.filename() == "CMakeLists.txt";
}

/// Characters, not bytes, of UTF-8.
std::ptrdiff_t width(std::string_view line) {
  return std::count_if(line.begin(), line.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

/// The files of the repository, except hidden folders and build results.
std::vector<fs::path> repository_files() {
  std::vector<fs::path> files;
  auto entry = fs::recursive_directory_iterator(fs::path(OKO_SOURCE_DIR));
  for (; entry != fs::recursive_directory_iterator(); ++entry) {
    const std::string name = entry->path().filename();
    if (entry->is_directory() && (name == "build" || name.starts_with("."))) {
      entry.disable_recursion_pending();
    }
    if (entry->is_regular_file()) files.push_back(entry->path());
  }
  return files;
}

/// Calls `check(file, number, line)` with every line of those files, except program output: lines
/// of
/// ```console without "$ ". Returns the count of files.
template <typename Check>
int for_lines(Check check) {
  int files = 0;
  for (const fs::path& path : repository_files()) {
    if (!is_checked(path)) continue;
    ++files;
    std::ifstream file(path);
    std::string line;
    bool console = false;
    for (int number = 1; std::getline(file, line); ++number) {
      if (line.starts_with("```")) console = line == "```console";
      if (console && !line.starts_with("$ ")) continue;
      check(path, number, line);
    }
  }
  return files;
}

TEST(TextFilesTest, LinesThatClangFormatDoesNotSeeHaveAtMost100Characters) {
  const int files = for_lines([](const fs::path& file, int number, std::string_view line) {
    EXPECT_LE(width(line), 100) << file << ":" << number << ": " << line;
  });
  EXPECT_GT(files, 40);
}

/// Documents name sources by a path, or its end: `engine/plan.h`. NAME stands for any name.
TEST(TextFilesTest, DocumentsNameFilesThatExist) {
  std::string files;
  for (const fs::path& path : repository_files()) files += path.string() + "\n";
  const std::regex named("`([\\w/]+\\.(h|cpp|mm|cmake|py|sh))`");
  int found = 0;
  for_lines([&](const fs::path& file, int number, const std::string& line) {
    if (file.extension() != ".md") return;
    for (auto match = std::sregex_iterator(line.begin(), line.end(), named);
         match != std::sregex_iterator(); ++match) {
      const std::string name = (*match)[1];
      if (name.find("NAME") != std::string::npos || name == "omp.h") continue;
      ++found;
      EXPECT_NE(files.find("/" + name + "\n"), std::string::npos)
          << file << ":" << number << ": " << name;
    }
  });
  EXPECT_GT(found, 100);
}

TEST(TextFilesTest, DecisionsAreNumberedOnceAndListed) {
  const std::string text = text_in(fs::path(OKO_SOURCE_DIR) / "docs/DECISIONS.md");
  const std::size_t subjects = text.find("\n## ");
  ASSERT_NE(subjects, std::string::npos);
  const std::string list = text.substr(text.find("\n- ["), subjects - text.find("\n- ["));
  std::map<int, int> times;
  const std::regex heading("\n### ([0-9]+)\\. [^\n]+\n\n- Context: ");
  for (auto match = std::sregex_iterator(text.begin(), text.end(), heading);
       match != std::sregex_iterator(); ++match) {
    const std::string number = (*match)[1];
    EXPECT_EQ(++times[std::stoi(number)], 1) << number;
    EXPECT_TRUE(std::regex_search(list, std::regex("[:,]\\s+" + number + "[,\n]"))) << number;
  }
  ASSERT_GE(times.size(), 125u);
  EXPECT_EQ(times.begin()->first, 1);
  EXPECT_EQ(times.rbegin()->first, static_cast<int>(times.size()));
}

}  // namespace
}  // namespace oko
