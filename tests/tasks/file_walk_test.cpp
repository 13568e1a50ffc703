#include "tasks/file_walk.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "base/error.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;

class FileWalkTest : public ::testing::Test {
 protected:
  FileWalkTest()
      : root_(fs::canonical(fs::path(::testing::TempDir())) /
              ("oko_walk_" +
               std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~FileWalkTest() override { fs::remove_all(root_); }

  void file(const std::string& place, const std::string& text = "x") {
    fs::create_directories((root_ / place).parent_path());
    std::ofstream(root_ / place) << text;
  }

  /// Paths below the root, and in `skipped_` what was left out.
  std::vector<std::string> walked(const WalkOptions& options = {},
                                  std::vector<std::string> given = {}) {
    if (given.empty()) given = {root_.string()};
    skipped_.clear();
    std::vector<std::string> found;
    for (const WalkedFile& each : walk_files(
             given, options,
             [&](const SkippedFile& skipped) {
               skipped_[fs::path(skipped.path).lexically_relative(root_)] = name_of(skipped.reason);
             },
             {})) {
      found.push_back(fs::path(each.path).lexically_relative(root_));
    }
    return found;
  }

  const fs::path root_;
  std::map<std::string, std::string> skipped_;
};

using Paths = std::vector<std::string>;

TEST_F(FileWalkTest, FindsAllFilesOnceInOrder) {
  file("b.txt");
  file("a/ж.txt");
  file("a/b/c.pdf");
  EXPECT_EQ(walked(), (Paths{"a/b/c.pdf", "a/ж.txt", "b.txt"}));
  EXPECT_EQ(walked({}, {root_.string(), (root_ / "a/").string(), (root_ / "a/../b.txt").string()}),
            (Paths{"a/b/c.pdf", "a/ж.txt", "b.txt"}));
}

TEST_F(FileWalkTest, LeavesOutHiddenFilesUnlessAskedFor) {
  file(".secret/a.txt");
  file(".b.txt");
  file("c.txt");
  EXPECT_EQ(walked(), Paths{"c.txt"});
  EXPECT_EQ(skipped_,
            (std::map<std::string, std::string>{{".secret", "hidden"}, {".b.txt", "hidden"}}));
  EXPECT_EQ(walked({.hidden = true}), (Paths{".b.txt", ".secret/a.txt", "c.txt"}));
}

TEST_F(FileWalkTest, GivenPathsAreTakenWhateverTheirNames) {
  file(".hidden/a.txt");
  EXPECT_EQ(walked({}, {(root_ / ".hidden").string()}), Paths{".hidden/a.txt"});
  EXPECT_EQ(walked({}, {(root_ / ".hidden/a.txt").string()}), Paths{".hidden/a.txt"});
}

TEST_F(FileWalkTest, LinksAreFollowedOnlyIfAskedForAndLoopsEnd) {
  file("a/x.txt");
  fs::create_directory_symlink(root_, root_ / "a/loop");
  fs::create_symlink(root_ / "a/x.txt", root_ / "y.txt");
  fs::create_symlink(root_ / "nowhere", root_ / "broken");
  EXPECT_EQ(walked(), Paths{"a/x.txt"});
  EXPECT_EQ(skipped_["a/loop"], "link");
  EXPECT_EQ(walked({.follows_links = true}), Paths{"a/x.txt"});
  EXPECT_EQ(skipped_["broken"], "unreadable");
}

TEST_F(FileWalkTest, PathOfItsOwnIsPreferredToThatOfALink) {
  file("z/x.txt");
  file(".away/far/y.txt");
  fs::create_directory_symlink("z", root_ / "a");
  fs::create_directory_symlink(".away/far", root_ / "b");
  fs::create_symlink(".away/far/y.txt", root_ / "c.txt");
  EXPECT_EQ(walked({.follows_links = true}), (Paths{"b/y.txt", "z/x.txt"}));
  EXPECT_EQ(walked({}, {(root_ / "a").string(), (root_ / "z").string()}), Paths{"z/x.txt"});
}

TEST_F(FileWalkTest, AFileToWhichSeveralLinksLeadIsTakenOnce) {
  file(".away/far/y.txt");
  file(".away/z.txt");
  fs::create_symlink(".away/far/y.txt", root_ / "a.txt");
  fs::create_directory_symlink(".away/far", root_ / "b");
  fs::create_directory_symlink(".away/far", root_ / "c");
  fs::create_symlink(".away/far/y.txt", root_ / "d.txt");
  fs::create_symlink(".away/z.txt", root_ / "e.txt");
  fs::create_symlink("e.txt", root_ / "f.txt");
  EXPECT_EQ(walked({.follows_links = true}), (Paths{"b/y.txt", "e.txt"}))
      << "a folder before a file, and then the first";
  fs::remove(root_ / "b");
  fs::remove(root_ / "c");
  EXPECT_EQ(walked({.follows_links = true}), (Paths{"a.txt", "e.txt"}));
}

TEST_F(FileWalkTest, LinksInLinkedFoldersLeadOnAndBack) {
  file("a/x.txt");
  file("away/y.txt");
  fs::create_directory_symlink("../away", root_ / "a/out");
  fs::create_directory_symlink("../a", root_ / "away/back");
  fs::create_directory_symlink(root_, root_ / "away/up");
  EXPECT_EQ(walked({.follows_links = true}, {(root_ / "a").string()}),
            (Paths{"a/out/y.txt", "a/x.txt"}));
}

TEST_F(FileWalkTest, APathGivenAgainByALinkIsTakenOnceWithoutIt) {
  file("a/x.txt");
  fs::create_symlink("a/x.txt", root_ / "link.txt");
  fs::create_directory_symlink("a", root_ / "b");
  const auto in_each_order = [&](std::vector<std::string> given) {
    for (std::string& each : given) each = (root_ / each).string();
    std::set<Paths> found;
    std::sort(given.begin(), given.end());
    do {
      found.insert(walked({}, given));
      found.insert(walked({.follows_links = true}, given));
    } while (std::next_permutation(given.begin(), given.end()));
    return found;
  };
  EXPECT_EQ(in_each_order({"a", "a/x.txt", "b", "b/x.txt", "link.txt"}),
            std::set{Paths{"a/x.txt"}});
  EXPECT_EQ(in_each_order({"a/x.txt", "b", "link.txt"}), std::set{Paths{"a/x.txt"}});
  EXPECT_EQ(in_each_order({"b", "link.txt"}), std::set{Paths{"link.txt"}});
  EXPECT_EQ(in_each_order({"b/x.txt", "link.txt"}), std::set{Paths{"b/x.txt"}});
}

TEST_F(FileWalkTest, HardLinksAreFilesOfTheirOwn) {
  file("a/x.txt");
  fs::create_hard_link(root_ / "a/x.txt", root_ / "y.txt");
  fs::create_symlink("a/x.txt", root_ / "z.txt");
  EXPECT_EQ(walked({.follows_links = true}), (Paths{"a/x.txt", "y.txt"}));
}

TEST_F(FileWalkTest, FoldersOfAllFilesAreToldForAWatch) {
  file(".away/x.txt");
  file("given.txt");
  fs::create_directories(root_ / "a/b");
  fs::create_symlink(root_ / ".away/x.txt", root_ / "a/link.txt");
  std::set<std::string> told;
  const auto on_folder = [&](const std::string& folder) {
    told.insert(fs::path(folder).lexically_relative(root_));
  };
  walked({.follows_links = true, .on_folder = on_folder},
         {(root_ / "a").string(), (root_ / "given.txt").string()});
  EXPECT_EQ(told, (std::set<std::string>{".", ".away", "a", "a/b"}));
}

TEST_F(FileWalkTest, RulesHoldInTheirFolder) {
  file("a/.okoignore", "*.tmp\nold/\n");
  file("a/x.tmp");
  file("a/x.txt");
  file("a/old/y.txt");
  file("b/x.tmp");
  EXPECT_EQ(walked(), (Paths{"a/x.txt", "b/x.tmp"}));
  EXPECT_EQ(skipped_["a/old"], "ignored");
  EXPECT_EQ(walked({.excludes = {"b/", "*.txt"}}), Paths{});
}

TEST_F(FileWalkTest, FoldersOfProgramsAreLeftOut) {
  file("node_modules/x/readme.md");
  file("Oko.app/Contents/a.png");
  file("Mine.photoslibrary/originals/1/a.heic");
  file("Mine.photoslibrary/resources/derivatives/a.jpg");
  EXPECT_EQ(walked(), Paths{"Mine.photoslibrary/originals/1/a.heic"});
  EXPECT_EQ(skipped_["node_modules"], "program");
}

TEST_F(FileWalkTest, SpecialFilesAreNeverOpened) {
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(walked(), Paths{});
  EXPECT_EQ(skipped_["pipe"], "special");
  EXPECT_THROW(walked({}, {(root_ / "pipe").string()}), Error) << "somebody wants it read";
}

TEST_F(FileWalkTest, NamesMayBeAnyBytes) {
  file("caf\xe9.txt");
  EXPECT_EQ(walked(), Paths{"caf\xe9.txt"});
}

TEST_F(FileWalkTest, UnreadableFoldersAreReported) {
  if (::geteuid() == 0) GTEST_SKIP() << "root reads everything";
  file("a/x.txt");
  file("b/y.txt");
  fs::permissions(root_ / "a", fs::perms::none);
  EXPECT_EQ(walked(), Paths{"b/y.txt"});
  EXPECT_EQ(skipped_["a"], "unreadable");
  fs::permissions(root_ / "a", fs::perms::owner_all);
}

TEST_F(FileWalkTest, MissingPathIsAnError) {
  try {
    walked({}, {(root_ / "nowhere").string()});
    ADD_FAILURE() << "walked through nothing";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  }
}

TEST_F(FileWalkTest, DeepTreesEnd) {
  fs::path deep = root_;
  for (int i = 0; i < 300; ++i) deep /= "dddddddd";
  std::error_code error;
  fs::create_directories(deep, error);  // the system has a limit for the whole path
  file("a.txt");
  EXPECT_EQ(walked(), Paths{"a.txt"});
}

}  // namespace
}  // namespace oko::tasks
