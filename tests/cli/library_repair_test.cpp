// A damaged library: what oko says of it, and how `oko index` mends or rebuilds it.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "index/sqlite_database.h"
#include "index/sqlite_store.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/terminal.h"

namespace oko {
namespace {

namespace fs = std::filesystem;

class LibraryRepairTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    write("files/a.txt", "лиса");
    write("files/b.txt", "барсук");
    write("other/c.txt", "выдра");
    ASSERT_EQ(index({path("files"), path("other")}).status, 0);
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  fs::path library() const { return folder_ / "home/library.db"; }

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    write_file_atomically(folder_ / name, std::string_view(text));
  }

  std::vector<std::string> environment(const std::string& language = "en") const {
    return {"OKO_HOME=" + path("home"), "LANG=" + language + "_XX.UTF-8", "LC_ALL="};
  }

  static std::vector<std::string> index_command(const std::vector<std::string>& arguments) {
    std::vector<std::string> command{OKO_PROGRAM, "index", "--model",
                                     RandomModels::get("bge-m3-small-8bit", 21)};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
  }

  ProcessResult index(const std::vector<std::string>& arguments) const {
    return Process(index_command(arguments), environment()).wait();
  }

  ProcessResult run(std::vector<std::string> arguments, const std::string& language = "en") const {
    arguments.insert(arguments.begin(), OKO_PROGRAM);
    return Process(arguments, environment(language)).wait();
  }

  bool finds(const std::string& word) const {
    return run({"search", word, "--mode", "text"}).out.find("1. ") != std::string::npos;
  }

  static std::string bytes_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  /// Damages the structure of the database. Returns what its file is then.
  std::string damage() const {
    std::fstream file(library(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(100);
    file << std::string(8000, 'x');
    file.close();
    return bytes_of(library());
  }

  void run_sql(const std::string& sql) const {
    index::SqliteDatabase(library(), index::SqliteDatabase::Access::kWrite).run(sql);
  }
};

TEST_F(LibraryRepairTest, ADamagedLibraryIsNamedWithTheCommandAndStays) {
  const std::string damaged = damage();
  for (const ProcessResult& result :
       {index({path("files")}), run({"search", "лиса", "--mode", "text"}),
        run({"index", "--check"})}) {
    EXPECT_EQ(result.status, 4) << result.err;
    EXPECT_NE(result.err.find("the library is damaged"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("oko index --rebuild"), std::string::npos) << result.err;
  }
  const ProcessResult russian = run({"search", "лиса", "--mode", "text"}, "ru");
  EXPECT_NE(russian.err.find("библиотека повреждена"), std::string::npos) << russian.err;
  const ProcessResult checked = run({"index", "--check", "--json"});
  EXPECT_EQ(nlohmann::json::parse(checked.out).at("is_whole"), false) << checked.out;
  EXPECT_EQ(checked.err.find("--check"), std::string::npos)
      << "it would lead back: " << checked.err;
  EXPECT_EQ(bytes_of(library()), damaged);
}

TEST_F(LibraryRepairTest, IsRebuiltAndTheOldOneIsKept) {
  for (const char* kept : {"library.db-old", "library.db-old-2"}) {
    const std::string damaged = damage();
    const ProcessResult result = index({"--rebuild", path("files"), "--json"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_NE(result.err.find("kept as " + path(std::string("home/") + kept)), std::string::npos)
        << result.err;
    EXPECT_NE(result.out.find("{\"kept\":\"" + path(std::string("home/") + kept)),
              std::string::npos)
        << result.out;
    EXPECT_EQ(bytes_of(folder_ / "home" / kept), damaged);
    EXPECT_TRUE(finds("лиса"));
    EXPECT_TRUE(finds("барсук"));
    EXPECT_EQ(run({"index", "--check"}).status, 0);
  }
  for (const auto& entry : fs::directory_iterator(folder_ / "home")) {
    EXPECT_EQ(entry.path().string().find("-rebuilding"), std::string::npos) << entry.path();
  }
}

TEST_F(LibraryRepairTest, TakesTheFilesModelAndPrefixesOfTheOldOne) {
  fs::remove_all(folder_ / "home");
  ASSERT_EQ(index({path("files"), path("other"), "--query-prefix", "q: "}).status, 0);
  const std::string model = index::SqliteStore::open(library())->model().fingerprint;
  run_sql("UPDATE chunks SET text = 'волк'");
  fs::remove(folder_ / "files/b.txt");
  const ProcessResult result = run({"index", "--rebuild"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.err.find("1 file of the library cannot be found now and will be left out: " +
                            path("files/b.txt")),
            std::string::npos)
      << result.err;
  EXPECT_TRUE(finds("лиса"));
  EXPECT_TRUE(finds("выдра"));
  EXPECT_FALSE(finds("барсук"));
  EXPECT_EQ(index::SqliteStore::open(library())->model().query_prefix, "q: ");
  EXPECT_EQ(index::SqliteStore::open(library())->model().fingerprint, model);
  write("files/new.txt", "рысь");
  EXPECT_EQ(run({"index"}).status, 0);
  EXPECT_TRUE(finds("рысь"));
}

TEST_F(LibraryRepairTest, AFileElsewhereThatTheOldOneHadIsInTheNewOne) {
  EXPECT_EQ(index({"--rebuild", path("files")}).status, 0);
  EXPECT_TRUE(finds("выдра"));
}

TEST_F(LibraryRepairTest, AStoppedRebuildGoesOn) {
  fs::copy_file(library(), library().string() + "-rebuilding");
  write("files/d.txt", "ёж");
  const ProcessResult result = index({"--rebuild", path("files"), "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find("\"added\":1,"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("\"unchanged\":3,"), std::string::npos) << result.out;
  EXPECT_TRUE(finds("ёж"));
}

TEST_F(LibraryRepairTest, WhatAStoppedRebuildLeftDamagedIsDroppedWithTheRest) {
  write_file_atomically(library().string() + "-rebuilding", std::string_view("no database"));
  EXPECT_EQ(index({"--rebuild", path("files")}).status, 0);
  EXPECT_TRUE(finds("лиса"));
}

TEST_F(LibraryRepairTest, IsNeverReplacedByAnEmptyOne) {
  const std::string before = bytes_of(library());
  fs::remove_all(folder_ / "other");
  for (const char* name : {"files/a.txt", "files/b.txt"}) fs::remove(folder_ / name);
  for (const auto& arguments : {std::vector<std::string>{"--rebuild"},
                                std::vector<std::string>{"--rebuild", path("files")}}) {
    const ProcessResult result = index(arguments);
    EXPECT_EQ(result.status, 4);
    EXPECT_NE(result.err.find("it stays as it is"), std::string::npos) << result.err;
  }
  EXPECT_EQ(bytes_of(library()), before);
  EXPECT_FALSE(fs::exists(library().string() + "-old"));
  EXPECT_FALSE(fs::exists(library().string() + "-rebuilding"));
}

TEST_F(LibraryRepairTest, APersonIsAskedAndYesIsTheAnswerWithoutOne) {
  const std::string damaged = damage();
  if (Terminal::is_available()) {
    for (const char* answer : {"n\n", "y\n"}) {
      Terminal terminal(index_command({path("files")}), environment());
      EXPECT_TRUE(terminal.shows("Rebuild it from your files? [y/N]"));
      EXPECT_EQ(bytes_of(library()), damaged);
      terminal.type(answer);
      terminal.wait();
    }
    EXPECT_TRUE(finds("лиса"));
    EXPECT_EQ(bytes_of(library().string() + "-old"), damaged);
    damage();
  }
  const ProcessResult result = index({path("files"), "--yes"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(finds("лиса"));
}

TEST_F(LibraryRepairTest, WithoutPathADamagedLibraryIsRebuiltFromItsFolders) {
  const auto cut_header = [&] { run_sql("UPDATE library SET value = '' WHERE key = 'id'"); };
  cut_header();
  const ProcessResult refused = index({});
  EXPECT_EQ(refused.status, 4);
  EXPECT_NE(refused.err.find("the library is damaged"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("oko index --rebuild"), std::string::npos) << refused.err;
  write("files/new.txt", "рысь");
  if (Terminal::is_available()) {
    Terminal terminal(index_command({}), environment());
    EXPECT_TRUE(terminal.shows("Rebuild it from your files? [y/N]"));
    terminal.type("y\n");
    EXPECT_EQ(terminal.wait(), 0) << terminal.shown();
    EXPECT_TRUE(finds("рысь"));
    cut_header();
  }
  write("other/newer.txt", "росомаха");
  const ProcessResult rebuilt = index({"--yes"});
  EXPECT_EQ(rebuilt.status, 0) << rebuilt.err;
  EXPECT_TRUE(finds("росомаха")) << "its folders are remembered";
  EXPECT_EQ(run({"index"}).err, "");
}

TEST_F(LibraryRepairTest, ADamagedLibraryThatDoesNotTellItsFoldersSaysSo) {
  run_sql("DELETE FROM library WHERE key = 'note paths' OR key = 'id'");
  for (const auto& arguments : {std::vector<std::string>{"--watch", "--yes"},
                                std::vector<std::string>{"--watch", "--rebuild"}}) {
    const ProcessResult watched = index(arguments);
    EXPECT_EQ(watched.status, 4);
    EXPECT_NE(watched.err.find("the library is damaged"), std::string::npos) << watched.err;
    EXPECT_NE(watched.err.find("oko index --rebuild --watch FOLDERS"), std::string::npos)
        << watched.err;
  }
  const ProcessResult rebuilt = index({"--yes"});
  EXPECT_EQ(rebuilt.status, 0) << rebuilt.err;
  EXPECT_NE(rebuilt.err.find("name its folders once: oko index FOLDERS"), std::string::npos)
      << rebuilt.err;
  EXPECT_TRUE(finds("выдра")) << "from the files that it told";
  const std::string damaged = damage();
  const ProcessResult nothing = index({"--yes"});
  EXPECT_EQ(nothing.status, 4);
  EXPECT_NE(nothing.err.find("the library is damaged"), std::string::npos) << nothing.err;
  EXPECT_NE(nothing.err.find("oko index --rebuild FOLDERS"), std::string::npos) << nothing.err;
  EXPECT_EQ(bytes_of(library()), damaged);
}

TEST_F(LibraryRepairTest, ARebuildWithoutPathGoesOnToWatch) {
  run_sql("UPDATE library SET value = '' WHERE key = 'id'");
  Process process(index_command({"--rebuild", "--watch"}), environment());
  const auto is_found = [&](const char* word) {
    for (int i = 0; i < 600 && process.is_running() && !finds(word); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return finds(word);
  };
  EXPECT_TRUE(is_found("барсук"));
  write("other/new.txt", "рысь");
  EXPECT_TRUE(is_found("рысь"));
  process.signal(SIGINT);
  const ProcessResult result = process.wait();
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(LibraryRepairTest, ACheckReadsAllAndMendsWithThePath) {
  const ProcessResult whole = run({"index", "--check"});
  EXPECT_EQ(whole.status, 0) << whole.err;
  EXPECT_NE(whole.out.find("the library is whole"), std::string::npos) << whole.out;
  // Texts that no search for others would read.
  run_sql("UPDATE chunks SET text = 'волк' WHERE text IN ('барсук', 'выдра')");
  const ProcessResult result = run({"index", "--check", "--json"});
  EXPECT_EQ(result.status, 4) << result.err;
  const auto line = nlohmann::json::parse(result.out.substr(0, result.out.find('\n')));
  EXPECT_EQ(line["is_whole"], false);
  EXPECT_EQ(line["files"], nlohmann::json({path("files/b.txt"), path("other/c.txt")}));
  EXPECT_NE(result.err.find("oko index --check FOLDERS"), std::string::npos) << result.err;
  const ProcessResult mended = index({"--check", path("files")});
  EXPECT_EQ(mended.status, 0) << mended.err;
  EXPECT_NE(mended.err.find("2 damaged files are read again"), std::string::npos) << mended.err;
  EXPECT_TRUE(finds("барсук"));
  EXPECT_TRUE(finds("выдра"));
  EXPECT_EQ(run({"index", "--check"}).status, 0);
}

TEST_F(LibraryRepairTest, ADamagedDocumentWhoseFileIsOutOfReachStays) {
  run_sql("UPDATE chunks SET text = 'волк' WHERE text IN ('барсук', 'выдра')");
  fs::remove_all(folder_ / "other");
  fs::remove(folder_ / "files/b.txt");
  const ProcessResult mended = index({"--check", path("files")});
  EXPECT_EQ(mended.status, 4);
  EXPECT_NE(mended.err.find("1 document is still damaged"), std::string::npos) << mended.err;
  EXPECT_TRUE(finds("лиса"));
  EXPECT_EQ(run({"index", "--check"}).status, 4);
}

TEST_F(LibraryRepairTest, WhatIsNoLibraryIsRefusedAndStays) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  write("note.txt", "no database");
  const auto expect = [&](const std::string& place, int of_search, int of_index,
                          const std::string& text) {
    const ProcessResult found = run({"search", "x", "--mode", "text", "--library", place});
    EXPECT_EQ(found.status, of_search) << found.err;
    const ProcessResult made = index({path("files"), "--library", place});
    EXPECT_EQ(made.status, of_index) << made.err;
    EXPECT_NE(made.err.find(text), std::string::npos) << made.err;
  };
  expect("/dev/null", 2, 2, "a library is a file");
  expect(path("pipe"), 2, 2, "a library is a file");  // nobody waits for its writer
  expect(path("files"), 2, 2, "a library is a file");
  expect(path("note.txt"), 4, 4, "is not a library of oko");
  expect(path("note.txt/library.db"), 4, 1, "the folder of the library cannot be made");
  const ProcessResult rebuilt = index({"--rebuild", path("files"), "--library", path("note.txt")});
  EXPECT_EQ(rebuilt.status, 2) << rebuilt.err;
  EXPECT_NE(rebuilt.err.find("is not a library: it is plain text"), std::string::npos);
  EXPECT_EQ(run({"index", "--check", "--library", path("note.txt")}).status, 4);
  EXPECT_EQ(bytes_of(path("note.txt")), "no database");
  EXPECT_FALSE(fs::exists(path("note.txt-lock")));
  expect("http://127.0.0.1:9200/papers", 2, 2, "an address of OpenSearch");
}

TEST_F(LibraryRepairTest, ALinkLeadsToTheNewOne) {
  fs::create_symlink(library(), folder_ / "link.db");
  EXPECT_EQ(index({"--rebuild", path("files"), "--library", path("link.db")}).status, 0);
  EXPECT_TRUE(fs::is_symlink(folder_ / "link.db"));
  EXPECT_TRUE(fs::is_regular_file(library().string() + "-old"));
  EXPECT_TRUE(finds("лиса"));
}

TEST_F(LibraryRepairTest, RefusesWhatMakesNoSense) {
  for (const auto& [arguments, text] : {
           std::pair(std::vector<std::string>{"index", "--library", path("none.db")},
                     "PATH is missing"),
           std::pair(std::vector<std::string>{"index", "--check", "--rebuild"}, "--rebuild"),
           std::pair(std::vector<std::string>{"index", "--check", "--caption"},
                     "--check without PATH only reads the library: --caption does nothing"),
           std::pair(std::vector<std::string>{"index", ".", "--caption-model", "qwen3-vl-4b"},
                     "--caption-model goes only with --caption"),
           std::pair(std::vector<std::string>{"index", ".", "--lang", "ru"},
                     "--lang goes only with --caption"),
           std::pair(std::vector<std::string>{"index", "--check", "--library",
                                              "opensearch://127.0.0.1:1/papers"},
                     "on OpenSearch"),
       }) {
    const ProcessResult result = run(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_NE(result.err.find(text), std::string::npos) << result.err;
  }
  const ProcessResult missing =
      run({"index", "--rebuild", "--library", path("missing/library.db")});
  EXPECT_EQ(missing.status, 4);
  EXPECT_NE(missing.err.find("there is no library"), std::string::npos) << missing.err;
  EXPECT_FALSE(fs::exists(folder_ / "missing"));
}

}  // namespace
}  // namespace oko
