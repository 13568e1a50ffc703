// docs/ARCHITECTURE.md: arrows between the folders of src/, and testing/, point one way.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kSource = fs::path(OKO_SOURCE_DIR) / "src";
const fs::path kTesting = fs::path(OKO_SOURCE_DIR) / "testing";

/// What each folder may include, besides itself. Each arrow is used: an unused one would let the
/// folders drift.
const std::map<std::string, std::set<std::string>> kAllowed{
    {"base", {}},
    {"budget", {"base"}},
    {"image", {"base"}},
    {"text", {"base"}},
    {"checkpoint", {"base"}},
    {"tensor", {"base", "checkpoint"}},
    {"models", {"base", "image", "checkpoint", "tensor"}},
    {"net", {"base"}},
    {"hub", {"base", "checkpoint", "net", "tensor"}},
    {"document", {"base", "budget", "image", "text"}},
    {"decoding", {"base", "image", "text", "document"}},
    {"ocr", {"base", "budget", "image", "text", "document"}},
    {"grammar", {"base", "text"}},
    {"engine",
     {"base", "budget", "image", "text", "grammar", "checkpoint", "tensor", "models", "hub",
      "ocr"}},
    {"index", {"base", "models", "net", "tensor", "text"}},
    {"tasks",
     {"base", "budget", "image", "text", "tensor", "models", "hub", "index", "ocr", "document",
      "engine", "testing"}},
    {"server",
     {"base", "budget", "image", "text", "grammar", "net", "hub", "index", "ocr", "document",
      "decoding", "engine", "tasks"}},
    {"mcp", {"base", "index", "ocr", "document", "engine", "tasks", "server"}},
    {"cli",
     {"base", "budget", "image", "text", "tensor", "models", "net", "hub", "index", "ocr",
      "document", "decoding", "engine", "tasks", "server", "mcp", "testing"}},
    {"testing", {"base", "budget", "image", "checkpoint", "tensor", "models", "hub", "engine"}},
};

/// Folders whose results are C++ types: JSON is read and written around them.
const std::set<std::string> kWithoutJson{"budget", "image", "document", "ocr", "engine", "tasks"};

/// What the lines of a file include.
std::vector<std::string> includes_of(const fs::path& path) {
  static const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::vector<std::string> included;
  std::ifstream file(path);
  std::string line;
  std::smatch match;
  while (std::getline(file, line)) {
    if (std::regex_search(line, match, include)) included.push_back(match[1].str());
  }
  return included;
}

/// Calls check(file, folder, included) for every #include of src/ and testing/.
template <typename Check>
void for_includes(Check check) {
  for (const fs::path& root : {kSource, kTesting}) {
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp" && extension != ".mm") continue;
      const fs::path relative =
          fs::relative(entry.path(), root == kSource ? kSource : root.parent_path());
      for (const std::string& included : includes_of(entry.path())) {
        check(relative, relative.begin()->string(), included);
      }
    }
  }
}

TEST(IncludeGraphTest, ArrowsBetweenFoldersPointOneWay) {
  std::map<std::string, std::set<std::string>> used;
  for_includes([&](const fs::path& file, const std::string& folder, const std::string& included) {
    ASSERT_TRUE(kAllowed.contains(folder)) << folder << " is not in kAllowed";
    const std::string target = included.substr(0, included.find('/'));
    if (target == folder || !kAllowed.contains(target)) return;
    used[folder].insert(target);
    EXPECT_TRUE(kAllowed.at(folder).contains(target)) << file << " includes " << included;
  });
  for (const auto& [folder, targets] : kAllowed) {
    for (const std::string& target : targets) {
      EXPECT_TRUE(used[folder].contains(target))
          << "no file of " << folder << " includes " << target << ": take it out of kAllowed";
    }
  }
}

TEST(IncludeGraphTest, FoldersBelowTheFrontendsSeeNoJson) {
  std::set<std::string> seen;
  for_includes([&](const fs::path& file, const std::string& folder, const std::string& included) {
    if (!included.starts_with("nlohmann/")) return;
    seen.insert(folder);
    EXPECT_FALSE(kWithoutJson.contains(folder)) << file << " includes " << included;
  });
  EXPECT_GT(seen.size(), 3u);
}

TEST(IncludeGraphTest, OnlyTensorAndModelsBuildMlxGraphs) {
  int seen = 0;
  for_includes([&](const fs::path& file, const std::string& folder, const std::string& included) {
    if (!included.starts_with("mlx/")) return;
    ++seen;
    EXPECT_TRUE(folder == "tensor" || folder == "models") << file << " includes " << included;
  });
  EXPECT_GT(seen, 5);
}

/// Adds the headers that `header` brings in, itself first, to `all`.
void add_reached(const std::string& header, std::set<std::string>& all) {
  if (!all.insert(header).second || !fs::exists(kSource / header)) return;
  for (const std::string& included : includes_of(kSource / header)) add_reached(included, all);
}

/// Callers that share a host or plan need not compile MLX's headers.
TEST(IncludeGraphTest, HeadersOfHostAndPlanBringInNoMlx) {
  for (const char* header : {"engine/generation.h", "engine/model_host.h", "engine/plan.h",
                             "engine/scheduler.h", "cli/commands.h", "tasks/read_pages.h"}) {
    std::set<std::string> reached;
    add_reached(header, reached);
    EXPECT_GT(reached.size(), 1u) << header;
    for (const std::string& each : reached) {
      EXPECT_FALSE(each.starts_with("mlx/")) << header << " brings in " << each;
    }
  }
}

TEST(IncludeGraphTest, PlatformsAreChosenByFile) {
  const std::regex condition(R"(^\s*#\s*(if|ifdef|elif).*(__APPLE__|__linux__|_WIN32))");
  for (const auto& entry : fs::recursive_directory_iterator(kSource)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path());
    std::string line;
    while (std::getline(file, line)) {
      EXPECT_FALSE(std::regex_search(line, condition)) << entry.path() << ": " << line;
    }
  }
}

}  // namespace
