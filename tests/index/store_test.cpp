// What a library in a file of SQLite does, besides what every store does (store_cases.cpp).
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "index/sqlite_database.h"
#include "index/sqlite_store.h"
#include "tests/index/store_cases.h"

namespace oko::index {
namespace {

namespace fs = std::filesystem;

class SqliteLibrary : public TestLibrary {
 public:
  explicit SqliteLibrary(const std::string& name)
      : folder_(fs::temp_directory_path() /
                ("oko_store_" + std::to_string(::getpid()) + "_" + name)) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~SqliteLibrary() override { fs::remove_all(folder_); }

  fs::path folder() const { return folder_; }
  fs::path path() const { return folder_ / "library.db"; }
  std::unique_ptr<Store> open_or_create(const LibraryModel& model) override {
    return SqliteStore::open_or_create(path(), model);
  }
  std::unique_ptr<Store> open() override { return SqliteStore::open(path()); }

 private:
  fs::path folder_;
};

std::unique_ptr<TestLibrary> make_library(const std::string& name) {
  return std::make_unique<SqliteLibrary>(name);
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreTest, ::testing::Values(&make_library),
                         [](const auto&) { return std::string("Sqlite"); });

class SqliteStoreTest : public ::testing::Test {
 protected:
  Ids by_words(const std::string& query, const Filter& filter = {}) {
    return documents_of(*writer_, writer_->find_words(query, 10, filter));
  }
  fs::path path() const { return library_.path(); }

  SqliteLibrary library_{::testing::UnitTest::GetInstance()->current_test_info()->name()};
  const fs::path folder_ = library_.folder();
  std::unique_ptr<Store> writer_ = library_.open_or_create(test_model());
};

TEST_F(SqliteStoreTest, FileOfVectorsIsMadeAnewWhereItIsLostOrDamaged) {
  const auto expect_all_found = [&](std::uint32_t count) {
    const std::unique_ptr<Store> reader = SqliteStore::open(path());
    for (Store* store : {writer_.get(), reader.get()}) {
      for (std::uint32_t seed = 1; seed <= count; ++seed) {
        const auto found = store->find_dense(unit_vector(seed), 1, {});
        ASSERT_EQ(found.size(), 1u);
        EXPECT_NEAR(found[0].score, 1.0f, 1e-3) << seed;
      }
    }
  };
  const auto vectors = [&] {
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path().string().find("-vectors-") != std::string::npos) return entry.path();
    }
    return fs::path();
  };
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    writer_->put(document_at("/" + std::to_string(seed)), std::vector{chunk_of("т", seed)});
  }
  writer_->commit();
  expect_all_found(20);
  const std::vector<std::function<void()>> damages{
      [&] { fs::remove(vectors()); },
      [&] { fs::resize_file(vectors(), 100); },
      [&] { std::ofstream(vectors(), std::ios::binary) << std::string(100'000, 'x'); },
  };
  std::uint32_t count = 20;
  for (const auto& damage : damages) {
    writer_.reset();
    damage();
    writer_ = SqliteStore::open_or_create(path(), test_model());
    expect_all_found(count);  // from a new file
    EXPECT_TRUE(fs::exists(vectors()));
    ++count;
    writer_->put(document_at("/" + std::to_string(count)), std::vector{chunk_of("т", count)});
    writer_->commit();
    expect_all_found(count);
  }
  writer_.reset();
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    files += entry.path().string().find("-vectors-") != std::string::npos;
  }
  EXPECT_EQ(files, 1u);
}

TEST_F(SqliteStoreTest, ManyReplacedDocumentsDoNotPileUp) {
  for (int round = 0; round < 60; ++round) {
    for (std::uint32_t seed = 1; seed <= 100; ++seed) {
      writer_->put(document_at("/" + std::to_string(seed)), std::vector{chunk_of("т", seed)});
    }
    writer_->commit();
  }
  EXPECT_EQ(writer_->counts().chunks, 100u);
  EXPECT_EQ(writer_->find_dense(unit_vector(7), 1000, {}).size(), 100u);
  EXPECT_EQ(writer_->find_sparse({{5, 1.0f}}, 1000, {}).size(), 100u);
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().string().find("-vectors-") != std::string::npos) bytes += entry.file_size();
  }
  EXPECT_LT(bytes, 1'500'000u);  // 6,000 rows without a new file would be one of 6 blocks
  // Segments are merged, and leave out the postings of chunks that are gone.
  SqliteDatabase database(path(), SqliteDatabase::Access::kRead);
  EXPECT_LT(database.integer("SELECT count(*) FROM segments"), 16);
  EXPECT_LT(database.integer("SELECT sum(length(list)) FROM postings WHERE token = 5"), 6000);
}

TEST_F(SqliteStoreTest, FiltersLeaveTheScoresOfWords) {
  for (int i = 0; i < 50; ++i) {
    writer_->put(document_at("/" + std::to_string(i)), std::vector{chunk_of("прочий текст", 1)});
  }
  writer_->put(document_at("/a/fox.txt"), std::vector{chunk_of("лиса барсук", 2)});
  writer_->commit();
  const auto all = writer_->find_words("лиса ёж", 10, {});
  const auto filtered = writer_->find_words("лиса ёж", 10, {.path = "/a"});
  ASSERT_EQ(all.size(), 1u);
  ASSERT_EQ(filtered.size(), 1u);
  EXPECT_EQ(filtered[0].score, all[0].score);
}

TEST_F(SqliteStoreTest, ChunksOfALongDocumentDoNotWaitInMemoryForItsEnd) {
  constexpr std::size_t kPart = 64, kParts = 65;  // more than 4096 chunks
  const std::vector<EncodedChunk> part(kPart, chunk_of("т", 2));
  const auto vector_bytes = [&] {
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path().string().find("-vectors-") != std::string::npos) bytes += entry.file_size();
    }
    return bytes;
  };
  const auto write_long = [&] {
    const DocumentId id = writer_->put(document_at("/long"), part);
    for (std::size_t i = 1; i < kParts; ++i) writer_->append(id, part);
  };
  writer_->put(document_at("/kept"), std::vector{chunk_of("кот", 1)});
  writer_->commit();
  const std::uintmax_t before = vector_bytes();
  write_long();
  EXPECT_GT(vector_bytes(), before);
  writer_.reset();  // all of it is undone
  writer_ = library_.open_or_create(test_model());
  EXPECT_EQ(writer_->counts().chunks, 1u);
  EXPECT_EQ(writer_->find_dense(unit_vector(1), 10, {}).size(), 1u);
  write_long();
  writer_->commit();
  const std::size_t all = 1 + kPart * kParts;
  EXPECT_EQ(writer_->counts().chunks, all);
  EXPECT_EQ(writer_->find_dense(unit_vector(1), 2 * all, {}).size(), all);
  EXPECT_EQ(writer_->find_sparse({{5, 1.0f}}, 2 * all, {}).size(), all);
}

TEST(SqliteLibraryTest, ModelIsLearnedOnceWhenALibraryIsMade) {
  const fs::path path = fs::temp_directory_path() / ("oko_learn_" + std::to_string(::getpid()));
  int learned = 0;
  const auto learn = [&](LibraryModel& own) {
    ++learned;
    own.language_direction = unit_vector(3);
  };
  SqliteStore::open_or_create(path, test_model(), learn);
  SqliteStore::open_or_create(path, test_model(), learn);
  EXPECT_EQ(learned, 1);
  const std::vector<float> direction = SqliteStore::open(path)->model().language_direction;
  ASSERT_EQ(direction.size(), kDimensions);
  EXPECT_NEAR(direction[7], unit_vector(3)[7], 1e-4f);
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(path.string() + end);
}

TEST(SqliteLibraryTest, NamesFilesThatAreNoLibraries) {
  const fs::path path =
      fs::temp_directory_path() / ("oko_no_library_" + std::to_string(::getpid()));
  EXPECT_THROW(SqliteStore::open(path), Error);
  std::ofstream(path) << "";
  try {
    SqliteStore::open(path);
    ADD_FAILURE() << "opened an empty file";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound) << error.message();
  }
  std::ofstream(path) << "this is a text and no database, but long enough to be read as one ......";
  try {
    SqliteStore::open(path);
    ADD_FAILURE() << "opened a text";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadInput) << error.message();
  }
  fs::remove(path);
}

std::vector<std::string> paths_of(const std::vector<KnownDocument>& documents) {
  std::vector<std::string> paths;
  for (const KnownDocument& each : documents) paths.push_back(each.document.path);
  return paths;
}

using Paths = std::vector<std::string>;

TEST_F(SqliteStoreTest, CopiesShareChunksAndAreFoundByEachName) {
  const DocumentId first =
      writer_->put(document_at("/a/cat.txt"),
                   std::vector{chunk_of("текст о кошке", 1), chunk_of("и её хвосте", 2)});
  const DocumentId second = writer_->copy(first, document_at("/b/dog.txt"));
  ASSERT_GT(second, first);
  writer_->commit();
  EXPECT_EQ(writer_->counts().documents, 2u);
  EXPECT_EQ(writer_->counts().chunks, 2u);
  EXPECT_EQ(by_words("кошка"), Ids{first});
  EXPECT_EQ(by_words("dog"), Ids{first});
  EXPECT_EQ(by_words("кошка", {.path = "/b"}), Ids{first});
  EXPECT_EQ(by_words("кошка", {.path = "/c"}), Ids{});
  EXPECT_EQ(paths_of(writer_->copies(first)), Paths{"/b/dog.txt"});
  EXPECT_EQ(paths_of(writer_->copies(second)), Paths{"/a/cat.txt"});
  const auto chunks = writer_->chunks_of(second);
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[1].chunk.text, "и её хвосте");
}

TEST_F(SqliteStoreTest, ChunksStayUntilTheLastCopyGoes) {
  const DocumentId first =
      writer_->put(document_at("/a/cat.txt"), std::vector{chunk_of("текст о кошке", 1)});
  const DocumentId second = writer_->copy(first, document_at("/b/dog.txt"));
  const DocumentId third = writer_->copy(second, document_at("/c/cow.txt"));
  writer_->remove(first);
  writer_->commit();
  EXPECT_EQ(by_words("кошка"), Ids{second});
  EXPECT_EQ(by_words("cat"), Ids{});
  EXPECT_EQ(documents_of(*writer_, writer_->find_dense(unit_vector(1), 1, {})), Ids{second});
  EXPECT_EQ(documents_of(*writer_, writer_->find_sparse({{11, 1.0f}}, 1, {})), Ids{second});
  writer_->put(document_at("/b/dog.txt"), std::vector{chunk_of("совсем другое", 3)});
  writer_->commit();
  EXPECT_EQ(by_words("кошка"), Ids{third});
  EXPECT_EQ(by_words("другое"), Ids{second});
  EXPECT_EQ(paths_of(writer_->copies(third)), Paths{});
  writer_->remove(third);
  writer_->commit();
  EXPECT_EQ(by_words("кошка"), Ids{});
  EXPECT_EQ(writer_->counts().chunks, 1u);
}

TEST_F(SqliteStoreTest, DocumentBecomesACopyAndIsMoved) {
  const DocumentId first =
      writer_->put(document_at("/a/cat.txt"), std::vector{chunk_of("текст о кошке", 1)});
  const DocumentId second =
      writer_->put(document_at("/b/dog.txt"), std::vector{chunk_of("о собаке", 2)});
  EXPECT_EQ(writer_->copy(first, document_at("/b/dog.txt")), second);
  EXPECT_EQ(writer_->copy(first, document_at("/b/dog.txt")), second);
  EXPECT_EQ(writer_->copy(first, document_at("/a/cat.txt")), first);
  writer_->move(second, document_at("/b/cow.txt"));
  writer_->commit();
  EXPECT_EQ(writer_->counts().chunks, 1u);
  EXPECT_EQ(by_words("собака"), Ids{});
  EXPECT_EQ(by_words("cow"), Ids{first});
  EXPECT_EQ(by_words("dog"), Ids{});
  EXPECT_EQ(writer_->copy(second + 100, document_at("/x.txt")), 0);
}

}  // namespace
}  // namespace oko::index
