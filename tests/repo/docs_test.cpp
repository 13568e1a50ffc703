// Documents name tests and models that exist.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "hub/repository.h"
#include "tests/repo/text_in.h"
#include "tests/support/process.h"

namespace oko {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = OKO_SOURCE_DIR;

/// "Suite.Name" of each test of the repository.
std::set<std::string> tests_of_repository() {
  static const std::regex test(R"(\nTEST(_F|_P)?\((\w+),\s*(\w+)\))");
  std::set<std::string> tests;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / "tests")) {
    if (entry.path().extension() != ".cpp") continue;
    const std::string text = text_in(entry.path());
    for (auto match = std::sregex_iterator(text.begin(), text.end(), test);
         match != std::sregex_iterator(); ++match) {
      tests.insert((*match)[2].str() + "." + (*match)[3].str());
    }
  }
  return tests;
}

TEST(DocsTest, TestsThatDocumentsNameExist) {
  const std::set<std::string> tests = tests_of_repository();
  EXPECT_GT(tests.size(), 1000u);
  static const std::regex named(R"(`(\w+Test\.\w+)`)");
  int found = 0;
  for (const auto& entry : fs::directory_iterator(kRoot / "docs")) {
    if (entry.path().extension() != ".md") continue;
    const std::string text = text_in(entry.path());
    for (auto match = std::sregex_iterator(text.begin(), text.end(), named);
         match != std::sregex_iterator(); ++match, ++found) {
      EXPECT_TRUE(tests.contains((*match)[1])) << entry.path() << ": " << (*match)[1];
    }
  }
  EXPECT_GT(found, 40);
}

TEST(DocsTest, EachPromiseNamesATest) {
  std::istringstream lines(text_in(kRoot / "docs/PROMISES.md"));
  std::string promise;
  int promises = 0;
  const auto check = [&] {
    if (promise.empty()) return;
    ++promises;
    EXPECT_TRUE(std::regex_search(promise, std::regex(R"(`\w+Test\.\w+`)"))) << promise;
  };
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("- ")) {
      check();
      promise = line;
    } else if (line.starts_with("  ")) {
      promise += line;
    }
  }
  check();
  EXPECT_GT(promises, 30);
}

TEST(DocsTest, LinksLeadToFiles) {
  std::set<fs::path> documents{kRoot / "README.md", kRoot / "README.ru.md",
                               kRoot / "CONTRIBUTING.md"};
  for (const auto& entry : fs::directory_iterator(kRoot / "docs")) {
    if (entry.path().extension() == ".md") documents.insert(entry.path());
  }
  static const std::regex link(R"(\]\(([^)#:\s]+)(#[^)]*)?\))");
  int links = 0;
  for (const fs::path& document : documents) {
    const std::string text = text_in(document);
    for (auto match = std::sregex_iterator(text.begin(), text.end(), link);
         match != std::sregex_iterator(); ++match, ++links) {
      EXPECT_TRUE(fs::exists(document.parent_path() / (*match)[1].str()))
          << document << ": " << (*match)[1];
    }
  }
  EXPECT_GT(links, 40);
}

nlohmann::json plan(const std::string& model, const std::string& memory) {
  const ProcessResult result =
      Process({OKO_PROGRAM, "plan", "--model", model, "--memory", memory, "--json"},
              {"HF_HOME=/no/such/folder", "HF_HUB_CACHE=", "OKO_HOME=/no/such/folder"})
          .wait();
  return nlohmann::json::parse(result.out);
}

/// "3.1 GB" of a size in bytes.
std::string decimal_size(const nlohmann::json& bytes) {
  return fmt::format("{:.1f} GB", bytes.get<double>() / 1e9);
}

/// The least memory of a Mac that the model fits.
std::string least_memory(const std::string& model) {
  for (const char* memory : {"8GB", "16GB", "24GB", "32GB"}) {
    if (plan(model, memory).at("verdict") != "does_not_fit") {
      return std::regex_replace(memory, std::regex("GB"), " GB");
    }
  }
  return "";
}

TEST(DocsTest, ModelsAreThoseThatTheProgramKnows) {
  const std::string text = text_in(kRoot / "docs/MODELS.md");
  static const std::regex row("\n\\| `([a-z0-9-]+)` \\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\|");
  std::set<std::string> listed;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), row);
       match != std::sregex_iterator(); ++match) {
    const std::string name = (*match)[1];
    listed.insert(name);
    if (name == "bge-m3") {  // which is converted after the pull
      EXPECT_EQ((*match)[3],
                decimal_size(plan("qwen3-vl-4b", "8GB").at("embedding").at("weight_bytes")));
      continue;
    }
    EXPECT_EQ((*match)[2], hub::repository_of_short_name(name)) << name;
    EXPECT_EQ((*match)[3], decimal_size(plan(name, "8GB").at("vision_language").at("weight_bytes")))
        << name;
    EXPECT_EQ((*match)[4], least_memory(name)) << name;
  }
  std::set<std::string> known{"bge-m3"};
  for (const std::string& name : hub::short_names()) known.insert(name);
  EXPECT_EQ(listed, known);
}

}  // namespace
}  // namespace oko
