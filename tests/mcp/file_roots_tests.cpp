#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "mcp/file_roots.h"
#include "tests/support/scratch_folder.h"

namespace oko::mcp {
namespace {

namespace fs = std::filesystem;

/// Folders "in" and "out" with a file each, and links between them.
class FileRootsTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    folder_ = fs::canonical(folder_);
    for (const char* name : {"in", "in/deep", "out"}) fs::create_directories(folder_ / name);
    for (const char* name : {"in/a.png", "in/deep/b c.png", "out/secret.png"}) {
      std::ofstream(folder_ / name) << name;
    }
    fs::create_symlink("../out/secret.png", folder_ / "in/to_secret");
    fs::create_symlink("../out/none.png", folder_ / "in/to_none");
    fs::create_symlink(folder_ / "out", folder_ / "in/to_out");
    fs::create_symlink("a.png", folder_ / "in/to_a");
    fs::create_symlink("loop", folder_ / "in/loop");
    roots_ = FileRoots::of_options({(folder_ / "in").string()});
  }

  /// The message of the refusal, without the path; empty: it is allowed.
  std::string refusal_of(const std::string& path) const {
    try {
      roots_.resolve(path);
      return {};
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage) << path;
      EXPECT_NE(error.hint().in(Language::kEnglish).find("--root"), std::string::npos) << path;
      const std::string text = error.message().in(Language::kEnglish);
      return text.substr(text.rfind(": ") + 2);
    }
  }
  std::string in(const std::string& name) const { return (folder_ / "in" / name).string(); }

  FileRoots roots_;
};

TEST_F(FileRootsTest, FindsFilesBelowARoot) {
  const fs::path a = folder_ / "in/a.png";
  for (const std::string& given :
       {in("a.png"), in("deep/../a.png"), in("./a.png"), in("to_a"), std::string("a.png"),
        "file://" + in("a.png"), "file://localhost" + in("a.png"), in("to_out/../in/a.png")}) {
    EXPECT_EQ(roots_.resolve(given), a) << given;
  }
  EXPECT_EQ(roots_.resolve("file://" + in("deep/b%20c.png")), folder_ / "in/deep/b c.png");
  EXPECT_EQ(roots_.resolve(in("none.png")), folder_ / "in/none.png") << "need not be there";
}

TEST_F(FileRootsTest, RefusesFilesOutsideWithoutTellingWhetherTheyAreThere) {
  const std::string there = refusal_of((folder_ / "out/secret.png").string());
  EXPECT_FALSE(there.empty());
  using namespace std::string_literals;
  for (const std::string& given : {(folder_ / "out/none.png").string(),
                                   in("../out/secret.png"),
                                   in("../out/none.png"),
                                   in("to_secret"),
                                   in("to_none"),
                                   in("to_out/secret.png"),
                                   in("to_out/none.png"),
                                   in("to_out/none/../secret.png"),
                                   in("loop"),
                                   in("loop/x"),
                                   "../out/secret.png"s,
                                   "../in2/a.png"s,
                                   folder_.string(),
                                   (folder_ / "in2").string(),
                                   "/etc/passwd"s,
                                   "/proc/self/root/etc/passwd"s,
                                   "~/.ssh/id_rsa"s,
                                   ""s,
                                   "file://other/etc/passwd"s,
                                   "file://" + in("%2e%2e/out/secret.png"),
                                   "file:///etc/passwd%00.png"s,
                                   in("a.png\0"s + "x")}) {
    EXPECT_EQ(refusal_of(given), there) << given;
  }
}

TEST_F(FileRootsTest, WithoutRootsNothingIsAllowed) {
  roots_ = FileRoots();
  EXPECT_FALSE(refusal_of(in("a.png")).empty());
  EXPECT_FALSE(refusal_of("a.png").empty());
}

TEST_F(FileRootsTest, ARootMustBeAFolder) {
  EXPECT_THROW(FileRoots::of_options({in("a.png")}), Error);
  EXPECT_THROW(FileRoots::of_options({in("none")}), Error);
}

TEST_F(FileRootsTest, TakesTheRootsOfAClientThatAreFolders) {
  roots_ = FileRoots::of_uris({"https://a.example/", "file://" + (folder_ / "out").string(),
                               "file://" + in("none"), "file://%zz", "file://relative"});
  ASSERT_EQ(roots_.folders().size(), 1u);
  EXPECT_EQ(refusal_of((folder_ / "out/secret.png").string()), "");
}

TEST_F(FileRootsTest, ALinkAsARootIsTheFolderItLeadsTo) {
  roots_ = FileRoots::of_options({in("to_out")});
  EXPECT_EQ(refusal_of(in("to_out/secret.png")), "");
  EXPECT_NE(refusal_of(in("a.png")), "");
}

}  // namespace
}  // namespace oko::mcp
