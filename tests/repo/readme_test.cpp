// Every command of the READMEs runs, and prints what they show.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct Shown {
  std::string command;
  std::string output;
};

/// The blocks ```console of a file: lines "$ command", each followed by its output. A command whose
/// line ends with a backslash continues in the next line.
std::vector<Shown> commands_of(const std::string& name) {
  std::ifstream file(fs::path(OKO_SOURCE_DIR) / name);
  EXPECT_TRUE(file) << name;
  std::vector<Shown> commands;
  std::string line;
  bool inside = false;
  while (std::getline(file, line)) {
    if (line.starts_with("```")) {
      inside = line == "```console";
    } else if (inside && line.starts_with("$ ")) {
      commands.push_back({line.substr(2), ""});
    } else if (inside && !commands.empty() && commands.back().command.ends_with('\\')) {
      commands.back().command.back() = ' ';
      commands.back().command += line;
    } else if (inside) {
      EXPECT_FALSE(commands.empty()) << name;
      if (!commands.empty()) commands.back().output += line + "\n";
    }
  }
  return commands;
}

/// The output of `command`, run in the repository's root with the program under test in place of
/// the README's.
std::string run(std::string command, const char* lang) {
  const std::string program = "build/release/oko";
  const auto at = command.find(program);
  if (at != std::string::npos) command.replace(at, program.size(), OKO_PROGRAM);
  const std::string line = std::string("cd '") + OKO_SOURCE_DIR + "' && LC_ALL= LANG=" + lang +
                           ".UTF-8 " + command + " 2>&1";
  FILE* pipe = ::popen(line.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  std::string output;
  char buffer[4096];
  while (pipe != nullptr && std::fgets(buffer, sizeof(buffer), pipe) != nullptr) output += buffer;
  EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << output;
  return output;
}

/// True if the output depends on the text in pictures.
bool reads_text(const std::string& command) {
  const bool describes = command.find("oko describe") != std::string::npos;
  return command.find("oko ocr") != std::string::npos ||
         (describes && command.find("--ocr off") == std::string::npos);
}

void check(const std::string& name, const char* lang) {
  int compared = 0;
  for (const Shown& shown : commands_of(name)) {
    // make would run this very test.
    if (shown.command.starts_with("make ") || shown.command.starts_with("git ")) continue;
    if (reads_text(shown.command) && !OKO_HAS_TESSERACT) continue;  // Vision may read otherwise
    EXPECT_EQ(run(shown.command, lang), shown.output) << name << ": " << shown.command;
    ++compared;
  }
  EXPECT_GE(compared, OKO_HAS_TESSERACT ? 3 : 1) << name;
}

TEST(ReadmeTest, EnglishCommandsPrintWhatIsShown) {
  check("README.md", "en_US");
}

TEST(ReadmeTest, RussianCommandsPrintWhatIsShown) {
  check("README.ru.md", "ru_RU");
}

}  // namespace
