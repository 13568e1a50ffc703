// Names of the standard library that compile here but not for macOS 14.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

namespace {

namespace fs = std::filesystem;

/// Calls check(file, line) for every line of C++ in the repository.
template <typename Check>
void for_lines(Check check) {
  for (const char* folder : {"src", "tests", "fuzz", "bench"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(OKO_SOURCE_DIR) / folder)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp" && extension != ".mm") continue;
      std::ifstream file(entry.path());
      std::string line;
      while (std::getline(file, line)) check(entry.path(), line);
    }
  }
}

TEST(PortabilityTest, StopsAndJoiningThreadsComeFromOurOwnHeader) {
  // libc++ has <stop_token> and std::jthread from Xcode 26 on.
  const std::regex missing(R"(^[^/]*(\bstd::(stop_|jthread|nostopstate)|<stop_token>))");
  int lines = 0;
  for_lines([&](const fs::path& file, const std::string& line) {
    ++lines;
    if (file.filename() == "portability_test.cpp") return;
    EXPECT_FALSE(std::regex_search(line, missing))
        << file << ": " << line << "\n  use base/stop_token.h";
  });
  EXPECT_GT(lines, 10'000);
}

TEST(PortabilityTest, NothingWaitsOnConditionVariableAny) {
  // With a std::stop_token of its own it would be the one wait that a StopToken cannot end.
  for_lines([&](const fs::path& file, const std::string& line) {
    if (file.filename() == "portability_test.cpp" || file.filename() == "stop_token.h") return;
    EXPECT_EQ(line.find("std::condition_variable_any"), std::string::npos)
        << file << ": " << line << "\n  use oko::ConditionVariable";
  });
}

}  // namespace
