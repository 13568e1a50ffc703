// Names that compile here but may not stand in code: some are missing on macOS 14, and some throw.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace {

namespace fs = std::filesystem;

/// Forbidden names and their replacements. libc++ has <stop_token> and std::jthread from Xcode 26
/// on; a StopToken could not end a wait on std::condition_variable_any.
constexpr std::array kMissing = {"std::stop_", "std::jthread", "std::nostopstate", "<stop_token>",
                                 "std::condition_variable_any"};

/// The code of a line, without a comment at its end.
std::string_view code_of(std::string_view line) {
  return line.substr(0, line.find("//"));
}

/// Functions that print. They throw, or are silent, if the stream is closed or full, and a message
/// must not end the work.
constexpr std::array kPrinting = {"fmt::print", "std::cerr", "std::cout", "std::clog",
                                  "fprintf(",   "fputs(",    "fwrite(",   "STDOUT_FILENO,"};

/// Calls `check(file, line)` with the code of every line under `folder`. Returns the count of
/// lines.
template <typename Check>
int for_code(const char* folder, Check check) {
  int lines = 0;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(OKO_SOURCE_DIR) / folder)) {
    const std::string extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp" && extension != ".mm") continue;
    std::ifstream file(entry.path());
    std::string line;
    while (std::getline(file, line)) {
      ++lines;
      check(entry.path(), code_of(line));
    }
  }
  return lines;
}

TEST(PortabilityTest, StopsAndJoiningThreadsComeFromOurOwnHeader) {
  int lines = 0;
  for (const char* folder : {"src", "testing", "tests", "fuzz", "bench"}) {
    lines += for_code(folder, [](const fs::path& file, std::string_view code) {
      if (file.filename() == "portability_test.cpp") return;
      for (const char* name : kMissing) {
        EXPECT_EQ(code.find(name), std::string_view::npos)
            << file << ": " << code << "\n  use base/stop_token.h instead of " << name;
      }
    });
  }
  EXPECT_GT(lines, 10'000);
}

/// fmt 11 moved it; Homebrew has 12, Debian 12 has 9.
TEST(PortabilityTest, FilesThatJoinIncludeTheRangesOfFmt) {
  int joins = 0;
  for (const char* folder : {"src", "testing", "tests", "fuzz", "bench"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(OKO_SOURCE_DIR) / folder)) {
      if (entry.path().filename() == "portability_test.cpp" || !entry.is_regular_file()) continue;
      std::ifstream file(entry.path());
      const std::string text((std::istreambuf_iterator<char>(file)), {});
      if (text.find("fmt::join") == std::string::npos) continue;
      ++joins;
      EXPECT_NE(text.find("#include <fmt/ranges.h>"), std::string::npos) << entry.path();
    }
  }
  EXPECT_GT(joins, 3);
}

TEST(PortabilityTest, OnePlacePrints) {
  const int lines = for_code("src", [](const fs::path& file, std::string_view code) {
    if (file.filename() == "terminal.cpp") return;
    if (file.filename() == "mcp.cpp") return;  // its standard output is a protocol's
    for (const char* name : kPrinting) {
      EXPECT_EQ(code.find(name), std::string_view::npos)
          << file << ": " << code << "\n  use say or print of cli/terminal.h instead of " << name;
    }
  });
  EXPECT_GT(lines, 10'000);
}

}  // namespace
