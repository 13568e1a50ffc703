// Every command of the READMEs runs, and prints what they show.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/fake_hub.h"

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

/// The commands that download find a hub here, which has the demo's model under the name of the
/// real one, and a home of their own.
class HubForReadme {
 public:
  HubForReadme()
      : folder_(fs::temp_directory_path() / ("oko_readme_" + std::to_string(::getpid()))),
        hub_("mlx-community/Qwen3-VL-4B-Instruct-4bit", demo_model()) {
    fs::remove_all(folder_);
  }
  ~HubForReadme() { fs::remove_all(folder_); }
  HubForReadme(const HubForReadme&) = delete;
  HubForReadme& operator=(const HubForReadme&) = delete;

  /// `command` with the settings that lead to this hub.
  std::string with_settings(const std::string& command) const {
    return "OKO_HOME='" + (folder_ / "oko").string() + "' HF_HOME='" + folder_.string() +
           "' HF_HUB_CACHE= HF_HUB_OFFLINE= HF_ENDPOINT=" + hub_.url() + " " + command;
  }
  bool was_asked() const { return !hub_.storage().requests().empty(); }

 private:
  static oko::FakeHub::Files demo_model() {
    oko::FakeHub::Files files;
    for (const auto& entry :
         fs::directory_iterator(fs::path(OKO_SOURCE_DIR) / "demo" / "models" / "tiny-vl")) {
      std::ifstream file(entry.path(), std::ios::binary);
      files[entry.path().filename()] = {std::istreambuf_iterator<char>(file), {}};
    }
    return files;
  }

  fs::path folder_;
  oko::FakeHub hub_;
};

/// True if the output depends on the text in pictures.
bool reads_text(const std::string& command) {
  const bool describes = command.find("oko describe") != std::string::npos;
  return command.find("oko ocr") != std::string::npos ||
         (describes && command.find("--ocr off") == std::string::npos);
}

void check(const std::string& name, const char* lang) {
  int compared = 0;
  const HubForReadme hub;
  for (const Shown& shown : commands_of(name)) {
    // make would run this very test.
    if (shown.command.starts_with("make ") || shown.command.starts_with("git ")) continue;
    if (reads_text(shown.command) && !OKO_HAS_TESSERACT) continue;  // Vision may read otherwise
    const bool downloads = shown.command.find("oko pull") != std::string::npos;
    const std::string command = downloads ? hub.with_settings(shown.command) : shown.command;
    EXPECT_EQ(run(command, lang), shown.output) << name << ": " << shown.command;
    ++compared;
  }
  EXPECT_GE(compared, OKO_HAS_TESSERACT ? 3 : 1) << name;
  EXPECT_TRUE(hub.was_asked()) << name;
}

TEST(ReadmeTest, EnglishCommandsPrintWhatIsShown) {
  check("README.md", "en_US");
}

TEST(ReadmeTest, RussianCommandsPrintWhatIsShown) {
  check("README.ru.md", "ru_RU");
}

}  // namespace
