// Libraries of every version that oko has had. data/libraries/README.md tells how they were made.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "index/sqlite_database.h"
#include "index/sqlite_schema.h"
#include "index/sqlite_store.h"
#include "tests/support/scratch_folder.h"

namespace oko::index {
namespace {

namespace fs = std::filesystem;

class LibraryVersionsTest : public ScratchFolderTest {
 protected:
  /// A copy of the library of a version.
  fs::path library_of(int version) {
    const std::string name = "version_" + std::to_string(version) + ".db";
    for (const char* end : {"-wal", "-shm", "-vectors-1"}) fs::remove(folder_ / (name + end));
    fs::copy_file(fs::path(OKO_TEST_DATA) / "libraries" / name, folder_ / name,
                  fs::copy_options::overwrite_existing);
    return folder_ / name;
  }

  static std::int64_t version_of(const fs::path& path) {
    return SqliteDatabase(path, SqliteDatabase::Access::kWrite).integer("PRAGMA user_version");
  }

  /// The names of columns, "table.column".
  static std::set<std::string> columns_of(const fs::path& path) {
    SqliteDatabase database(path, SqliteDatabase::Access::kWrite);
    std::set<std::string> columns;
    SqliteStatement select(database,
                           "SELECT t.name || '.' || c.name || ' ' || c.type || c.pk"
                           " FROM sqlite_schema t, pragma_table_info(t.name) c"
                           " WHERE t.type = 'table' AND t.sql NOT LIKE 'CREATE VIRTUAL%'");
    while (select.step()) columns.emplace(select.text(0));
    return columns;
  }

  /// What the files of each library are found by.
  static void expect_whole(Store& store) {
    EXPECT_EQ(store.counts().documents, 2u);
    EXPECT_EQ(store.counts().failed_documents, 1u);
    EXPECT_EQ(path_of(store, store.find_words("квитанции", 5, {})), "/tmp/library/water.txt");
    EXPECT_EQ(path_of(store, store.find_words("00417", 5, {})), "/tmp/library/letter.md");
    std::vector<float> query(store.model().dimensions, 0.0f);
    query[0] = 1;
    const auto dense = store.find_dense(query, 5, {});
    ASSERT_EQ(dense.size(), 2u);
    const std::vector<ChunkId> ids{dense[0].chunk, dense[1].chunk};
    const std::vector<float> scores = store.dense_scores(query, ids);
    EXPECT_FLOAT_EQ(scores[0], dense[0].score);
    const models::bge_m3::TokenVectors tokens{.dimensions = query.size(), .values = query};
    for (const float score : store.colbert_scores(tokens, ids)) EXPECT_NE(score, 0.0f);
  }

  static std::string path_of(Store& store, const std::vector<ScoredChunk>& found) {
    if (found.size() != 1) return std::to_string(found.size()) + " chunks";
    const auto chunks = store.chunks(std::vector{found[0].chunk});
    return store.documents(std::vector{chunks.at(0).document}).at(0).document.path;
  }
};

TEST_F(LibraryVersionsTest, AreReadAsTheyAre) {
  for (int version = 1; version < kSchemaVersion; ++version) {
    const fs::path path = library_of(version);
    expect_whole(*SqliteStore::open(path));
    EXPECT_EQ(version_of(path), version);
  }
}

TEST_F(LibraryVersionsTest, AreReadInAFolderThatTheReaderMayNotWriteTo) {
  for (int version = 1; version < kSchemaVersion; ++version) {
    const fs::path path = library_of(version);
    fs::permissions(path, fs::perms(0444));
    fs::permissions(folder_, fs::perms(0555));
    const pid_t child = ::fork();
    if (child == 0) {
      if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
      try {
        ::_exit(SqliteStore::open(path)->find_words("00417", 5, {}).size() == 1 ? 0 : 1);
      } catch (const std::exception& error) {
        std::fputs(error.what(), stderr);
        ::_exit(3);
      }
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    fs::permissions(folder_, fs::perms(0755));
    EXPECT_EQ(status, 0);
    EXPECT_FALSE(fs::exists(path.string() + "-wal"));
  }
}

TEST_F(LibraryVersionsTest, AreBroughtUpToDateByAWriter) {
  SqliteStore::open_or_create(folder_ / "new.db", SqliteStore::open(library_of(1))->model());
  for (int version = 1; version < kSchemaVersion; ++version) {
    const fs::path path = library_of(version);
    const auto reader = SqliteStore::open(path);
    const auto writer = SqliteStore::open_or_create(path, reader->model());
    EXPECT_EQ(version_of(path), kSchemaVersion);
    EXPECT_EQ(columns_of(path), columns_of(folder_ / "new.db"));
    expect_whole(*writer);
    expect_whole(*reader);  // that has opened it before
    expect_whole(*SqliteStore::open(path));
    Document document;
    document.path = "/c";
    EncodedChunk chunk;
    chunk.chunk.text = "кролик";
    chunk.encoding.dense.resize(reader->model().dimensions, 0.1f);
    writer->put(document, std::vector{chunk});
    writer->commit();
    EXPECT_EQ(path_of(*writer, writer->find_words("кролик", 5, {})), "/c");
    EXPECT_EQ(path_of(*reader, reader->find_words("кролик", 5, {})), "/c");
  }
}

TEST_F(LibraryVersionsTest, AKillWhileTheyAreBroughtUpToDateLeavesTheOldOne) {
  for (int version = 1; version < kSchemaVersion; ++version) {
    const fs::path path = library_of(version);
    const pid_t child = ::fork();
    if (child == 0) {
      SqliteDatabase database(path, SqliteDatabase::Access::kWrite);
      register_checksum(database);
      const SqliteTransaction transaction(database);
      database.run("PRAGMA cache_spill = 1; PRAGMA cache_size = 1");
      database.run("ALTER TABLE vectors ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0");
      database.run("UPDATE vectors SET checksum = 1");
      ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(version_of(path), version);
    const LibraryModel model = SqliteStore::open(path)->model();
    expect_whole(*SqliteStore::open_or_create(path, model));
    EXPECT_EQ(version_of(path), kSchemaVersion);
  }
}

TEST_F(LibraryVersionsTest, OfANewerOkoAreRefused) {
  const fs::path path = library_of(1);
  SqliteDatabase(path, SqliteDatabase::Access::kWrite)
      .run("PRAGMA user_version = " + std::to_string(kSchemaVersion + 1));
  try {
    SqliteStore::open(path);
    ADD_FAILURE() << "opened a library of a newer version";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  }
}

}  // namespace
}  // namespace oko::index
