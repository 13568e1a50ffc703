#include "tasks/ignore_rules.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/process.h"

namespace oko::tasks {
namespace {

bool ignores(std::string_view rules, std::string_view path, bool is_folder = false) {
  IgnoreRules ignore;
  ignore.add("/home/a", rules);
  return ignore.ignores(path, is_folder);
}

TEST(IgnoreRulesTest, NameMatchesInAnyFolder) {
  EXPECT_TRUE(ignores("*.tmp", "/home/a/x.tmp"));
  EXPECT_TRUE(ignores("*.tmp", "/home/a/b/c/x.tmp"));
  EXPECT_FALSE(ignores("*.tmp", "/home/a/x.tmp.txt"));
  EXPECT_FALSE(ignores("*.tmp", "/home/b/x.tmp"));
}

TEST(IgnoreRulesTest, SlashBindsToTheFolderOfTheRule) {
  EXPECT_TRUE(ignores("/x", "/home/a/x"));
  EXPECT_FALSE(ignores("/x", "/home/a/b/x"));
  EXPECT_TRUE(ignores("b/x", "/home/a/b/x"));
  EXPECT_FALSE(ignores("b/x", "/home/a/c/b/x"));
}

TEST(IgnoreRulesTest, SlashAtTheEndMeansFolders) {
  EXPECT_TRUE(ignores("build/", "/home/a/c/build", true));
  EXPECT_FALSE(ignores("build/", "/home/a/c/build", false));
}

TEST(IgnoreRulesTest, TwoStarsStandForAnyFolders) {
  EXPECT_TRUE(ignores("b/**/x", "/home/a/b/x"));
  EXPECT_TRUE(ignores("b/**/x", "/home/a/b/c/d/x"));
  EXPECT_TRUE(ignores("**/x", "/home/a/b/x"));
  EXPECT_TRUE(ignores("b/**", "/home/a/b/c"));
  EXPECT_FALSE(ignores("b/**", "/home/a/b", true));
}

TEST(IgnoreRulesTest, LettersAreThoseOfUnicode) {
  EXPECT_TRUE(ignores("чек?.txt", "/home/a/чекё.txt"));
  EXPECT_TRUE(ignores("???", "/home/a/чай"));
  EXPECT_FALSE(ignores("???", "/home/a/ча"));
  EXPECT_TRUE(ignores("[а-яё]1", "/home/a/ё1"));
  EXPECT_TRUE(ignores("[!а-я]1", "/home/a/ё1"));
  EXPECT_FALSE(ignores("[а-я]1", "/home/a/Я1"));
  EXPECT_FALSE(ignores("[ё]", "/home/a/\xd1"));
  EXPECT_TRUE(ignores("?.txt", "/home/a/\xff.txt")) << "a byte that is no character";
  EXPECT_TRUE(ignores("\xff*", "/home/a/\xff.txt"));
  EXPECT_FALSE(ignores("\xfe*", "/home/a/\xff.txt"));
  EXPECT_TRUE(ignores("[\xff]", "/home/a/\xff"));
  EXPECT_TRUE(ignores("чай", "/home/a/чаи\u0306")) << "й as two characters";
}

TEST(IgnoreRulesTest, LastRuleDecides) {
  EXPECT_FALSE(ignores("*.jpg\n!keep.jpg", "/home/a/keep.jpg"));
  EXPECT_TRUE(ignores("!keep.jpg\n*.jpg", "/home/a/keep.jpg"));
}

TEST(IgnoreRulesTest, CommentsAndEmptyLinesAreNoRules) {
  EXPECT_FALSE(ignores("# x\n\n  \r\n", "/home/a/x"));
  EXPECT_TRUE(
      ignores("\xEF\xBB\xBF"
              "x\n",
              "/home/a/x"))
      << "a byte order mark";
  EXPECT_TRUE(ignores("\\#x\r\n", "/home/a/#x"));
}

TEST(IgnoreRulesTest, ManyStarsTakeNoLongTime) {
  std::string rule, path = "/home/a";
  for (int i = 0; i < 200; ++i) {
    rule += "**/a/";
    path += "/a";
  }
  EXPECT_FALSE(ignores(rule + "b", path));
  std::string stars;
  for (int i = 0; i < 50; ++i) stars += "*a";
  EXPECT_FALSE(ignores(stars + "b", "/home/a/" + std::string(240, 'a')));
}

/// git itself as the reference.
TEST(IgnoreRulesTest, AgreesWithGit) {
  namespace fs = std::filesystem;
  const fs::path git = "/usr/bin/git";
  if (!fs::exists(git)) GTEST_SKIP() << "there is no git";
  const fs::path root = fs::path(::testing::TempDir()) / "oko_ignore_rules";
  fs::remove_all(root);
  fs::create_directories(root);
  const std::string rules =
      "*.log\n!keep.log\n/top\nsub/file\ndeep/**/end\n**/any.txt\nonly/\n[ab].c\n?.d\nx\\*y\n"
      "a/"
      "**\nбез*\n[!a-cx].e\n[^x].f\n[]-].g\n[[:digit:]z].h\n[\\]\\-q].i\n[ab.j\n[a-].k\n*a*b*c.l\n";
  std::ofstream(root / ".gitignore") << rules;
  ASSERT_EQ(Process({git, "-C", root.string(), "init", "-q"}, {}).wait().status, 0);
  IgnoreRules ignore;
  ignore.add(root.string(), rules);
  for (const std::string path :
       {"x.log",      "s/x.log",  "keep.log",     "s/keep.log", "top",         "s/top", "sub/file",
        "s/sub/file", "deep/end", "deep/1/2/end", "any.txt",    "s/t/any.txt", "only",  "a.c",
        "b.c",        "c.c",      "z.d",          "zz.d",       "x*y",         "xzy",   "a/b",
        "безымянный", "имя",      "a.e",          "d.e",        "x.f",         "y.f",   "].g",
        "-.g",        "[.g",      "5.h",          "z.h",        "d.h",         "].i",   "-.i",
        "q.i",        "^.i",      "[ab.j",        "a.j",        "-.k",         "b.k",   "xaxbxc.l",
        "abxc.l",     "acb.l"}) {
    const bool git_ignores =
        Process({git, "-C", root.string(), "check-ignore", "-q", "--", path}, {}).wait().status ==
        0;
    EXPECT_EQ(ignore.ignores((root / path).string(), false), git_ignores) << path;
  }
  fs::remove_all(root);
}

}  // namespace
}  // namespace oko::tasks
