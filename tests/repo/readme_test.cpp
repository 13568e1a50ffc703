// Every command of the READMEs runs, and prints what they show.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/fake_hub.h"
#include "tests/support/random_models.h"

namespace {

namespace fs = std::filesystem;

struct Shown {
  std::string command;
  std::string output = {};
  bool has_output = true;
};

/// True for the commands that download a real model and use it. The README shows no output of them:
/// it is progress, or that model's answer.
bool is_for_real_model(const std::string& command) {
  return command.starts_with("oko pull") || command.starts_with("oko embed") ||
         command.find("photo.jpg") != std::string::npos;
}

/// The blocks ```console of a file: lines "$ command", each followed by its output. A command whose
/// line ends with a backslash continues in the next line. In ```sh each line is a command, and no
/// output is shown.
std::vector<Shown> commands_of(const std::string& name) {
  std::ifstream file(fs::path(OKO_SOURCE_DIR) / name);
  EXPECT_TRUE(file) << name;
  std::vector<Shown> commands;
  std::string line;
  std::string block;
  while (std::getline(file, line)) {
    if (line.starts_with("```")) {
      block = line.substr(3);
    } else if (block == "sh") {
      commands.push_back({.command = line, .has_output = false});
    } else if (block != "console") {
      continue;
    } else if (line.starts_with("$ ")) {
      const bool is_real = is_for_real_model(line.substr(2));
      commands.push_back({.command = line.substr(2), .has_output = !is_real});
    } else if (commands.empty()) {
      ADD_FAILURE() << name << ": output without a command: " << line;
    } else if (commands.back().command.ends_with('\\')) {
      commands.back().command.back() = ' ';
      commands.back().command += line;
    } else {
      commands.back().output += line + "\n";
    }
  }
  return commands;
}

/// A user's place: oko in the path, hubs that have small models under the names of the real ones,
/// and a home of its own.
class Place {
 public:
  Place()
      : folder_(fs::temp_directory_path() / ("oko_readme_" + std::to_string(::getpid()))),
        hub_("mlx-community/Qwen3-VL-4B-Instruct-4bit",
             files_of(fs::path(OKO_SOURCE_DIR) / "demo" / "models" / "tiny-vl")),
        embedding_hub_("BAAI/bge-m3", files_of(oko::RandomModels::get("bge-m3-small-f32", 38))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "bin");
    fs::create_symlink(OKO_PROGRAM, folder_ / "bin" / "oko");
  }
  ~Place() { fs::remove_all(folder_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  /// The output of `command`, run in the repository's root. Commands for the real model use the
  /// hub and the home.
  std::string run(std::string command, const char* lang) const {
    std::string settings = std::string("LC_ALL= LANG=") + lang + ".UTF-8 PATH='" +
                           (folder_ / "bin").string() + "':\"$PATH\"";
    if (is_for_real_model(command)) {
      settings += " OKO_HOME='" + (folder_ / "oko").string() + "' HF_HOME='" + folder_.string() +
                  "' HF_HUB_CACHE= HF_HUB_OFFLINE= HF_ENDPOINT=" +
                  (command.find("bge-m3") == std::string::npos ? hub_ : embedding_hub_).url();
    }
    const auto photo = command.find("photo.jpg");
    if (photo != std::string::npos) command.replace(photo, 9, "demo/images/hearts.jpg");
    const std::string line =
        "cd '" OKO_SOURCE_DIR "' && export " + settings + "; " + command + " 2>&1";
    FILE* pipe = ::popen(line.c_str(), "r");
    EXPECT_NE(pipe, nullptr);
    std::string output;
    char buffer[4096];
    while (pipe != nullptr && std::fgets(buffer, sizeof(buffer), pipe) != nullptr) output += buffer;
    EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << output;
    return output;
  }
  bool was_asked() const {
    return !hub_.storage().requests().empty() && !embedding_hub_.storage().requests().empty();
  }

 private:
  static oko::FakeHub::Files files_of(const fs::path& folder) {
    oko::FakeHub::Files files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      files[entry.path().lexically_relative(folder)] = {std::istreambuf_iterator<char>(file), {}};
    }
    return files;
  }

  fs::path folder_;
  oko::FakeHub hub_, embedding_hub_;
};

/// True if the output depends on the text in pictures.
bool reads_text(const std::string& command) {
  const bool describes = command.find("oko describe") != std::string::npos;
  return command.find("oko ocr") != std::string::npos ||
         (describes && command.find("--ocr off") == std::string::npos);
}

void check(const std::string& name, const char* lang) {
  int compared = 0;
  const Place place;
  for (const Shown& shown : commands_of(name)) {
    if (shown.command.starts_with("make ")) {
      place.run(shown.command + " --dry-run >/dev/null", lang);  // the build runs this very test
      continue;
    }
    if (reads_text(shown.command) && !OKO_HAS_TESSERACT) continue;  // Vision may read otherwise
    const std::string output = place.run(shown.command, lang);
    if (!shown.has_output) continue;
    EXPECT_EQ(output, shown.output) << name << ": " << shown.command;
    ++compared;
  }
  EXPECT_GE(compared, OKO_HAS_TESSERACT ? 3 : 1) << name;
  EXPECT_TRUE(place.was_asked()) << name;
}

TEST(ReadmeTest, EnglishCommandsPrintWhatIsShown) {
  check("README.md", "en_US");
}

TEST(ReadmeTest, RussianCommandsPrintWhatIsShown) {
  check("README.ru.md", "ru_RU");
}

/// docs/oko.svg shows what the program prints.
TEST(ReadmeTest, PictureIsThatOfTheProgram) {
  if (!OKO_HAS_TESSERACT) GTEST_SKIP() << "Vision may read otherwise";
  std::ifstream file(OKO_SOURCE_DIR "/docs/oko.svg");
  const std::string shown{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(Place().run("python3 tools/readme/make_picture.py oko", "en_US"), shown);
}

}  // namespace
