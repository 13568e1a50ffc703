// The paths of a library: those that `oko index` is given, remembers and watches.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "index/sqlite_store.h"
#include "tests/support/library_commands.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"

namespace oko {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

class LibraryPathsTest : public LibraryCommandsTest {};

TEST_F(LibraryPathsTest, APathThatIsGoneIsPruned) {
  file("a.txt", "чай");
  ASSERT_EQ(index_folder().status, 0);
  fs::remove_all(folder_ / "files");
  const ProcessResult refused = index_folder();
  EXPECT_EQ(refused.status, 4);
  EXPECT_NE(refused.err.find("--prune takes them out"), std::string::npos) << refused.err;
  const ProcessResult pruned = index_folder({"--prune"});
  EXPECT_EQ(pruned.status, 0) << pruned.err;
  EXPECT_NE(pruned.err.find("the library loses 1 document of it"), std::string::npos) << pruned.err;
  EXPECT_NE(pruned.out.find("1 removed"), std::string::npos) << pruned.out;
}

TEST_F(LibraryPathsTest, WithoutPathTheFoldersOfTheLibraryAreBroughtUpToDate) {
  file("a.txt", "чай");
  file("in\nside/b.txt", "кофе");
  ASSERT_EQ(index_folder().status, 0);
  file("in\nside/c.txt", "какао");
  fs::remove(folder_ / "files/a.txt");
  const ProcessResult again = run({"index"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_NE(again.out.find("1 file added, 0 updated, 0 moved, 1 removed, 1 unchanged"),
            std::string::npos)
      << again.out;
  fs::rename(folder_ / "files", folder_ / "away");
  fs::create_directory(folder_ / "other");
  ASSERT_EQ(run({"index", folder_ / "other"}).status, 0);
  const ProcessResult kept = run({"index"});
  EXPECT_EQ(kept.status, 0) << kept.err;
  EXPECT_NE(kept.err.find("files: is not there now"), std::string::npos) << kept.err;
  EXPECT_NE(kept.out.find("0 removed, 0 unchanged, 0 failed; 2 passages"), std::string::npos);
  // Of another path alone: this one is not forgotten.
  ASSERT_EQ(run({"index", "--prune", folder_ / "other"}).status, 0);
  EXPECT_NE(run({"index"}).err.find("files: is not there now"), std::string::npos);
  EXPECT_NE(run({"index", "--prune"}).out.find("2 removed"), std::string::npos);
  EXPECT_EQ(run({"index"}).err, "");
}

TEST_F(LibraryPathsTest, AFolderWithoutDocumentsThatIsGoneIsForgottenIfAsked) {
  const fs::path files = folder_ / "files";
  for (const bool is_named : {false, true}) {
    fs::create_directory(files);
    ASSERT_EQ(index_folder().status, 0);
    fs::remove(files);
    const ProcessResult refused = run({"index"});
    EXPECT_EQ(refused.status, 4);
    EXPECT_NE(refused.err.find("no folder of the library is there now: " + files.string()),
              std::string::npos)
        << refused.err;
    EXPECT_NE(refused.err.find("--prune"), std::string::npos) << refused.err;
    const ProcessResult pruned = is_named ? index_folder({"--prune"}) : run({"index", "--prune"});
    EXPECT_EQ(pruned.status, 0) << pruned.err;
    EXPECT_NE(pruned.err.find("files: is not there any more; the library forgets it"),
              std::string::npos)
        << pruned.err;
    EXPECT_NE(run({"index"}).err.find("PATH is missing"), std::string::npos);
  }
  // A mistyped path is an error, and not remembered.
  EXPECT_EQ(index_folder({"--prune"}).status, 4);
  EXPECT_NE(run({"index"}).err.find("PATH is missing"), std::string::npos);
}

TEST_F(LibraryPathsTest, ARebuiltLibraryKnowsItsFoldersAndNotItsFilesAsPaths) {
  file("a.txt", "чай");
  ASSERT_EQ(index_folder().status, 0);
  ASSERT_EQ(run({"index", "--rebuild"}).status, 0);
  file("b.txt", "кофе");
  fs::remove(folder_ / "files/a.txt");
  const ProcessResult again = run({"index"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(again.err.find("is not there now"), std::string::npos) << again.err;
  EXPECT_NE(again.out.find("1 file added, 0 updated, 0 moved, 1 removed"), std::string::npos)
      << again.out;
}

/// The paths and contents of the documents of a library.
std::set<std::string> documents_of(const fs::path& library) {
  std::set<std::string> documents;
  try {
    index::SqliteStore::open(library)->visit_documents([&](const index::KnownDocument& each) {
      const auto& hash = each.document.hash;
      documents.insert(each.document.path + " " + std::string(hash.begin(), hash.end()) + " " +
                       std::to_string(each.document.modified_ns));
    });
  } catch (const Error&) {  // it is not there yet
  }
  return documents;
}

TEST_F(LibraryPathsTest, WatchedFoldersAreFollowed) {
  for (const char* name :
       {"changed.txt", "replaced.txt", "moved.txt", "removed.txt", "stays.txt"}) {
    file(name, std::string("первый текст файла ") + name);
  }
  const fs::path files = folder_ / "files", library = folder_ / "home/library.db";
  Process process({OKO_PROGRAM, "index", files.string(), "--watch", "--json", "--model",
                   RandomModels::get("bge-m3-small-8bit", 21)},
                  {"OKO_HOME=" + (folder_ / "home").string()});
  const auto wait_for = [&](const auto& condition) {
    for (int i = 0; i < 1200 && process.is_running() && !condition(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    EXPECT_TRUE(condition());
  };
  wait_for([&] { return documents_of(library).size() == 5; });
  EXPECT_TRUE(process.wait_for_output(60));
  file("new/deep/added.txt", "новый файл");
  {
    std::ofstream changed(files / "changed.txt", std::ios::app);
    changed << " и ещё строка";
  }
  file("replaced.txt", "другой текст");  // by a rename over it
  fs::rename(files / "moved.txt", files / "new/moved.txt");
  fs::remove(files / "removed.txt");
  // A fresh library of the same files.
  const fs::path fresh = folder_ / "fresh.db";
  ASSERT_EQ(index_folder({"--library", fresh.string()}).status, 0);
  const std::set<std::string> expected = documents_of(fresh);
  EXPECT_EQ(expected.size(), 5u);
  wait_for([&] { return documents_of(library) == expected; });
  // Folders that came later are watched, too.
  file("new/deep/later.txt", "поздний файл");
  wait_for([&] { return documents_of(library).size() == 6; });
  process.signal(SIGINT);
  const ProcessResult result = process.wait();
  EXPECT_EQ(result.status, 0) << result.err;
  std::set<std::string> outcomes;
  for (const json& line : objects(result)) outcomes.insert(line.value("outcome", "summary"));
  EXPECT_EQ(outcomes, (std::set<std::string>{"added", "moved", "removed", "summary", "updated"}));
}

}  // namespace
}  // namespace oko
