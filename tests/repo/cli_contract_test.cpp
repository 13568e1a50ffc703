// docs/CLI.md, the contract of the command line, and the program have the same commands and
// options.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace oko {
namespace {

std::string help_of(const std::string& command) {
  std::vector<std::string> arguments{OKO_PROGRAM};
  std::istringstream words(command);
  arguments.insert(arguments.end(), std::istream_iterator<std::string>(words), {});
  arguments.emplace_back("--help");
  const ProcessResult result = Process(arguments, {"LANG=en_US.UTF-8", "LC_ALL="}).wait();
  EXPECT_EQ(result.status, 0) << command << result.err;
  return result.out;
}

/// All matches of the first group.
std::set<std::string> found_in(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator each(text.begin(), text.end(), regex), end; each != end; ++each) {
    found.insert((*each)[1]);
  }
  return found;
}

/// The commands below `command`, from the lists of its help.
std::vector<std::string> commands_below(const std::string& command) {
  std::vector<std::string> commands;
  for (const std::string& name : found_in(help_of(command), "\n  ([a-z][a-z-]*)  ")) {
    const std::string path = command.empty() ? name : command + " " + name;
    commands.push_back(path);
    for (const std::string& each : commands_below(path)) commands.push_back(each);
  }
  return commands;
}

std::string contract() {
  std::ifstream file(std::string(OKO_SOURCE_DIR) + "/docs/CLI.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(CliContractTest, TheContractHasEveryCommandAndOption) {
  const std::string text = contract();
  const std::string current = text.substr(0, text.find("## Earlier names"));
  const auto documented = found_in(current, "`(--?[A-Za-z][a-z-]*)[`, ]");
  std::set<std::string> options;
  std::vector<std::string> commands = commands_below("");
  EXPECT_GT(commands.size(), 12u);
  commands.emplace_back();
  for (const std::string& command : commands) {
    const std::string help = help_of(command);
    for (const char* pattern : {"\n {2,6}(--?[A-Za-z][a-z-]*)", "\n  -[A-Za-z], (--[a-z-]*)"}) {
      for (const std::string& option : found_in(help, pattern)) {
        options.insert(option);
        EXPECT_TRUE(documented.contains(option))
            << "docs/CLI.md lacks " << option << " of oko " << command;
      }
    }
    const std::string first = command.substr(0, command.find(' '));
    EXPECT_NE(current.find(first), std::string::npos) << command;
  }
  for (const std::string& option : documented) {
    EXPECT_TRUE(options.contains(option)) << "no command has " << option << " of docs/CLI.md";
  }
}

}  // namespace
}  // namespace oko
