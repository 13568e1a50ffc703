// Manual pages and completions that are installed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cli/completions.h"
#include "cli/man_page.h"
#include "tests/support/process.h"

namespace oko {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class HelpFilesTest : public ::testing::Test {
 protected:
  HelpFilesTest()
      : share_(fs::temp_directory_path() / ("oko_help_files_" + std::to_string(::getpid()))) {
    fs::remove_all(share_);
    for (const char* language : {"LC_ALL=C", "LC_ALL=ru_RU.UTF-8"}) {
      const ProcessResult result =
          Process({OKO_PROGRAM, "--write-help-files", share_.string(), "2026-11-29"}, {language})
              .wait();
      EXPECT_EQ(result.status, 0) << result.err;
    }
    fs::create_directories(share_ / "home/models/my-model");
  }
  ~HelpFilesTest() override { fs::remove_all(share_); }

  /// The words that bash completes to; the last word of `words` is being typed.
  std::set<std::string> bash(const std::string& words) const {
    const std::string script =
        ". '" + (share_ / "bash-completion/completions/oko").string() + "'; COMP_WORDS=(" + words +
        "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _oko; printf '%s\\n' \"${COMPREPLY[@]}\"";
    const ProcessResult result =
        Process({"/bin/bash", "--norc", "-c", script}, {"OKO_HOME=" + (share_ / "home").string()})
            .wait();
    EXPECT_EQ(result.err, "") << words;
    std::set<std::string> found;
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty()) found.insert(line);
    }
    return found;
  }

  const fs::path share_;
};

using Words = std::set<std::string>;

TEST_F(HelpFilesTest, BashCompletesCommandsAndTheirOptions) {
  EXPECT_TRUE(bash("oko ''").contains("describe"));
  EXPECT_EQ(bash("oko desc"), Words{"describe"});
  EXPECT_EQ(bash("oko bench dec"), Words{"decode"});
  EXPECT_EQ(bash("oko ocr --min"), Words{"--min-confidence"});
  EXPECT_TRUE(bash("oko bench decode -").contains("--tokens"));
  EXPECT_FALSE(bash("oko bench -").contains("--tokens"));
  EXPECT_FALSE(bash("oko ocr -").contains("--prompt"));
}

TEST_F(HelpFilesTest, BashCompletesValues) {
  EXPECT_EQ(bash("oko ocr --format ''"), (Words{"text", "json", "hocr", "pdf"}));
  EXPECT_EQ(bash("oko ocr --format = p"), Words{"pdf"}) << "bash makes three words of --format=p";
  EXPECT_EQ(bash("oko ocr ''"), Words{}) << "bash itself completes files";
  EXPECT_EQ(bash("oko ocr -o ''"), Words{});
  for (const char* words : {"oko describe --model ''", "oko pull ''", "oko verify ''"}) {
    const Words models = bash(words);
    EXPECT_TRUE(models.contains("qwen3-vl-4b")) << words;
    EXPECT_TRUE(models.contains("bge-m3")) << words;
    EXPECT_TRUE(models.contains("my-model")) << words;
  }
  EXPECT_EQ(bash("oko verify --threads ''"), Words{}) << "a number is no model";
}

TEST_F(HelpFilesTest, OtherShellsGetTheSameCommandsAndOptions) {
  const std::string zsh = read(share_ / "zsh/site-functions/_oko");
  EXPECT_EQ(zsh.substr(0, 12), "#compdef oko");
  EXPECT_TRUE(has(zsh, "_oko_bench_make_model() {"));
  EXPECT_TRUE(has(zsh, "    --format='["));
  EXPECT_TRUE(has(zsh, ":(text json hocr pdf)'"));
  EXPECT_TRUE(has(zsh, "'*:FILE:_files'"));
  const std::string fish = read(share_ / "fish/vendor_completions.d/oko.fish");
  EXPECT_TRUE(has(fish, "complete -c oko -n '__oko_at bench make-model' -l seed -x"));
  EXPECT_TRUE(has(fish, "complete -c oko -n '__oko_at ocr' -l format -x -a 'text json hocr pdf'"));
}

/// A program whose texts have what shells and roff take for their own.
cli::CommandSyntax difficult() {
  cli::OptionSyntax option{.names = {"-a", "--all"},
                           .description = ".first [it's]: a\\b",
                           .has_value = true,
                           .kind = cli::ValueKind::kFile};
  return {.path = "oko",
          .name = "oko",
          .description = "oko sees.",
          .commands = {{.path = "oko do",
                        .name = "do",
                        .description = "It's done. Then more.",
                        .options = {option}}}};
}

TEST(HelpTextsTest, KeepShellsAndRoffFromTakingThemForTheirOwn) {
  const std::string zsh = cli::zsh_completion(difficult(), {});
  EXPECT_TRUE(has(zsh, R"('(-a --all)'{-a,--all=}'[.first \[it'\''s\]\: a\\b]:FILE:_files')"))
      << zsh;
  EXPECT_TRUE(has(zsh, R"('do:It'\''s done')")) << zsh;
  const std::string fish = cli::fish_completion(difficult(), {});
  EXPECT_TRUE(has(fish, R"(-s a -l all -r -F -d '.first [it\'s]: a\\b')")) << fish;
  EXPECT_TRUE(has(fish, R"(-a do -d 'It\'s done')")) << fish;
  const cli::CommandSyntax program = difficult();
  const std::string page = cli::man_page(program, program.commands[0], {"oko 1", "2026-01-02"});
  EXPECT_TRUE(has(page, "\nIt's done. Then more.\n")) << page;
  EXPECT_TRUE(has(page, "\n\\&.first [it's]: a\\eb\n")) << page;
  EXPECT_TRUE(has(page, "\noko\\-do \\- It's done\n")) << page;
}

TEST_F(HelpFilesTest, EveryCommandHasAPageInBothLanguages) {
  const std::string page = read(share_ / "man/man1/oko.1");
  static const std::regex command("oko\\\\-([a-z]+)\\\\fR\\(1\\)");
  int commands = 0;
  for (auto match = std::sregex_iterator(page.begin(), page.end(), command);
       match != std::sregex_iterator(); ++match, ++commands) {
    const std::string name = "oko-" + (*match)[1].str() + ".1";
    const std::string english = read(share_ / "man/man1" / name);
    const std::string russian = read(share_ / "man/ru/man1" / name);
    EXPECT_TRUE(has(english, ".SH SYNOPSIS\noko " + (*match)[1].str())) << name;
    EXPECT_TRUE(has(russian, ".SH ВЫЗОВ\noko " + (*match)[1].str())) << name;
  }
  EXPECT_GT(commands, 8);
  const std::string ocr = read(share_ / "man/man1/oko-ocr.1");
  EXPECT_TRUE(has(ocr, "\\fB\\-\\-format\\fR \\fItext|json|hocr|pdf\\fR\n")) << ocr;
  EXPECT_TRUE(has(ocr, ".TH OKO\\-OCR 1 2026-11-29 \"oko ")) << ocr;
  EXPECT_TRUE(has(read(share_ / "man/man1/oko-bench.1"), ".SS oko bench decode"));
}

/// mandoc warns of other things, too, but is not on every machine.
TEST_F(HelpFilesTest, NoLineOfAPageIsTakenForARequest) {
  static const std::set<std::string> requests{".TH", ".SH", ".SS", ".TP", ".PP", ".nf", ".fi"};
  for (const auto& entry : fs::recursive_directory_iterator(share_ / "man")) {
    if (!entry.is_regular_file()) continue;
    std::istringstream lines(read(entry.path()));
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with('.') && !line.starts_with('\'')) continue;
      EXPECT_TRUE(requests.contains(line.substr(0, line.find(' '))))
          << entry.path() << ": " << line;
    }
  }
}

}  // namespace
}  // namespace oko
