#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "index/sqlite_database.h"
#include "index/sqlite_store.h"
#include "index/words_tokenizer.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"

namespace oko {

/// Runs of `oko index` that are killed, or that the disk refuses, at any of the calls that change
/// the library's files (tests/support/faulty_files.cpp).
class LibraryFaultsTest : public ScratchFolderTest {
 protected:
  enum class Start { kEmpty, kLibrary };

  void SetUp() override {
    ScratchFolderTest::SetUp();
#if !defined(__linux__)
    GTEST_SKIP() << "LD_PRELOAD is of Linux";
#endif
    if (OKO_SANITIZED) GTEST_SKIP() << "a sanitizer interposes the same functions";
    std::filesystem::create_directories(files());
    std::filesystem::create_directories(folder_ / "home");
  }

  std::filesystem::path files() const {
    return folder_ / "files";
  }
  std::filesystem::path library() const {
    return folder_ / "library/library.db";
  }

  void write(const std::string& name, const std::string& text) const {
    write_file_atomically(files() / name, std::string_view(text));
  }

  /// Files of which the second makes a commit of its own.
  void make_files() const {
    std::string text;
    for (int i = 0; i < 500; ++i) text += "Строка номер " + std::to_string(i) + " о погоде. ";
    write("a.txt", "Первый файл про лису.");
    write("b.txt", text);
    write("c.md", "# Заголовок\n\nТретий файл про барсука.");
    write("d.txt", "Четвёртый файл.");
    write("broken.png", "\x89PNG\r\n\x1a\nbroken");
  }

  /// One file of each: changed, moved, removed, copied, new.
  void change_files() const {
    write("a.txt", "Первый файл про ёжика, другой.");
    std::filesystem::rename(files() / "c.md", files() / "moved.md");
    std::filesystem::remove(files() / "d.txt");
    write("new.txt", "Новый файл.");
  }

  /// The start of a run: an empty folder, or a library of older files.
  void prepare(Start start) {
    std::filesystem::remove_all(folder_ / "library");
    std::filesystem::create_directories(folder_ / "library");
    if (start == Start::kEmpty) return;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "before")) {
      std::filesystem::copy(entry.path(), folder_ / "library");
    }
  }

  /// Makes the files, the library of Start::kLibrary, and what an undisturbed run leads to.
  void make_reference(Start start) {
    make_files();
    if (start == Start::kLibrary) {
      std::filesystem::create_directories(folder_ / "library");
      index_files();
      std::filesystem::rename(folder_ / "library", folder_ / "before");
      change_files();
    }
    prepare(start);
    index_files();
    expected_ = contents();
    ASSERT_EQ(expected_.size(), 5u);
  }

  std::vector<std::string> index_command() const {
    std::vector<std::string> command{OKO_PROGRAM,
                                     "index",
                                     files().string(),
                                     "--library",
                                     library().string(),
                                     "--model",
                                     RandomModels::get("bge-m3-small-8bit", 21),
                                     "--threads",
                                     "1",
                                     "--json"};
    if (is_rebuild_) command.emplace_back("--rebuild");
    return command;
  }

  std::vector<std::string> index_environment() const {
    return {"OKO_HOME=" + (folder_ / "home").string(), "LANG=en_US.UTF-8", "LC_ALL="};
  }

  ProcessResult index_files(const std::vector<std::string>& faults = {}) const {
    std::vector<std::string> environment = index_environment();
    environment.insert(environment.end(), faults.begin(), faults.end());
    return Process(index_command(), environment).wait();
  }

  ProcessResult index_with(const std::string& fault, long at) const {
    return index_files({std::string("LD_PRELOAD=") + OKO_FAULTY_FILES,
                        "OKO_FAULT_FILES=" + (folder_ / "library").string() + "/",
                        "OKO_FAULT=" + fault, "OKO_FAULT_AT=" + std::to_string(at),
                        "OKO_FAULT_COUNT=" + (folder_ / "count").string()});
  }

  /// Calls of an undisturbed run.
  long count_calls(Start start) {
    prepare(start);
    index_with("kill", 0);
    long calls = 0;
    std::ifstream(folder_ / "count") >> calls;
    return calls;
  }

  /// The files that a run has reported as stored.
  static std::set<std::string> reported(const ProcessResult& result) {
    std::set<std::string> files;
    std::size_t at = 0;
    for (std::size_t end; (end = result.out.find('\n', at)) != std::string::npos; at = end + 1) {
      const auto line = nlohmann::json::parse(result.out.substr(at, end - at));
      const std::string outcome = line.value("outcome", "");
      if (outcome == "added" || outcome == "updated" || outcome == "moved") {
        files.insert(line["file"]);
      }
    }
    return files;
  }

  /// Each document with its chunks, as text, without ids. Expects an intact database that opens
  /// in 5 s of the processor's time, and no document twice.
  std::set<std::string> contents() const {
    if (!std::filesystem::exists(library())) return {};
    const std::clock_t begin = std::clock();
    {
      index::SqliteDatabase database(library(), index::SqliteDatabase::Access::kRead);
      if (index::is_empty(database)) return {};
    }
    const auto store = index::SqliteStore::open(library());
    EXPECT_LT(std::clock() - begin, 5 * CLOCKS_PER_SEC);
    index::SqliteDatabase database(library(), index::SqliteDatabase::Access::kWrite);
    index::register_words_tokenizer(database);  // SQLite 3.44 checks the index of words, too
    index::SqliteStatement check(database, "PRAGMA integrity_check");
    EXPECT_TRUE(check.step());
    EXPECT_EQ(check.text(0), "ok");
    std::set<std::string> documents;
    store->visit_documents([&](const index::KnownDocument& known) {
      std::string text = known.document.path + "\n" + known.document.error + "\n";
      for (const index::StoredChunk& chunk : store->chunks_of(known.id)) {
        text += chunk.chunk.text + "\n" + answers_of(*store, database, chunk);
      }
      EXPECT_TRUE(documents.insert(text).second) << known.document.path;
    });
    return documents;
  }

  /// True if a document of a set of `contents` is that of a file.
  static bool has(const std::set<std::string>& contents, const std::string& file) {
    const auto at = contents.lower_bound(file + "\n");
    return at != contents.end() && at->starts_with(file + "\n");
  }

  /// Kills runs at `points` of their calls, or at all, and expects what a user expects.
  void sweep_kills(Start start, const std::string& fault, long points) {
    make_reference(start);
    const long calls = count_calls(start);
    ASSERT_GT(calls, 100);
    int killed = 0;
    for (long at = 1; at <= calls; at += std::max(1L, calls / points)) {
      SCOPED_TRACE(fault + " at call " + std::to_string(at) + " of " + std::to_string(calls));
      prepare(start);
      const ProcessResult result = index_with(fault, at);
      killed += result.status == -SIGKILL;
      expect_recovery(result);
      if (HasFailure()) return;
    }
    EXPECT_GT(killed, calls / std::max(1L, calls / points) / 2);
  }

  /// Lets the disk refuse all calls from `points` of them on.
  void sweep_errors(Start start, int error, long points) {
    make_reference(start);
    const long calls = count_calls(start);
    ASSERT_GT(calls, 100);
    int failed = 0;
    for (long at = 1; at <= calls; at += std::max(1L, calls / points)) {
      SCOPED_TRACE("error " + std::to_string(error) + " at call " + std::to_string(at) + " of " +
                   std::to_string(calls));
      prepare(start);
      const ProcessResult result = index_with(std::to_string(error), at);
      EXPECT_GE(result.status, 0) << result.err;  // 0: all is in the journal already
      failed += result.err.find(std::strerror(error)) != std::string::npos ||
                result.err.find("disk is full") != std::string::npos;
      expect_recovery(result);
      if (HasFailure()) {
        ADD_FAILURE() << result.err;
        return;
      }
    }
    EXPECT_GT(failed, 0);
  }

  /// Ends rebuilds of an older library, at some calls and at all of the last ones, which replace
  /// it: it or the new one is at its place, whole, and the next rebuild completes the new one.
  void sweep_rebuilds(const std::string& fault, long points) {
    make_reference(Start::kLibrary);
    prepare(Start::kLibrary);
    const std::set<std::string> before = contents();
    ASSERT_NE(before, expected_);
    is_rebuild_ = true;
    const long calls = count_calls(Start::kLibrary);
    ASSERT_GT(calls, 100);
    constexpr long kLast = 8;
    for (long at = 1; at <= calls;
         at = at > calls - kLast ? at + 1
                                 : std::min(at + std::max(1L, calls / points), calls - kLast + 1)) {
      SCOPED_TRACE(fault + " at call " + std::to_string(at) + " of " + std::to_string(calls));
      prepare(Start::kLibrary);
      index_with(fault, at);
      const std::set<std::string> left = contents();
      EXPECT_TRUE(left == before || left == expected_);
      const ProcessResult next = index_files();
      EXPECT_TRUE(next.status == 0 || next.status == 4) << next.status << next.err;
      EXPECT_EQ(contents(), expected_) << next.err;
      if (HasFailure()) return;
    }
  }

  /// What a run that has ended early reported is there, and the next one completes the rest.
  void expect_recovery(const ProcessResult& result) {
    const std::set<std::string> left = contents();
    for (const std::string& file : reported(result)) EXPECT_TRUE(has(left, file)) << file;
    const ProcessResult next = index_files();
    // 4: of broken.png, once.
    EXPECT_TRUE(next.status == 0 || next.status == 4) << next.status << next.err;
    EXPECT_EQ(contents(), expected_) << next.err;
  }

  std::set<std::string> expected_;
  bool is_rebuild_ = false;

 private:
  /// Vectors of a chunk, and that it is found by them.
  static std::string answers_of(index::Store& store, index::SqliteDatabase& database,
                                const index::StoredChunk& chunk) {
    index::SqliteStatement select(database,
                                  "SELECT hex(dense), hex(codes) FROM vectors v"
                                  " JOIN token_vectors t ON t.chunk = v.chunk WHERE v.chunk = ?1");
    EXPECT_TRUE(select.bind(1, chunk.id).step());
    std::string answers = std::string(select.text(0)) + std::string(select.text(1)) + "\n";
    index::Filter filter;
    filter.path = store.documents(std::vector{chunk.document}).at(0).document.path;
    std::vector<float> query(store.model().dimensions, 0.0f);
    query[0] = 1;
    std::size_t found = 0;
    for (const auto& each : store.find_dense(query, 1000, filter)) found += each.chunk == chunk.id;
    const std::string words = "\"" + chunk.chunk.text.substr(0, chunk.chunk.text.find('.')) + "\"";
    if (!chunk.chunk.text.empty()) {
      for (const auto& each : store.find_words(words, 1000, filter))
        found += each.chunk == chunk.id;
    }
    return answers + std::to_string(found) + "\n";
  }
};

}  // namespace oko
