// A library of which bytes have changed on the disk says so, and never answers wrongly.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "index/dense_index.h"
#include "index/library_check.h"
#include "index/sqlite_database.h"
#include "index/sqlite_schema.h"
#include "index/sqlite_store.h"
#include "tests/support/kept_memory.h"
#include "tests/support/scratch_folder.h"

namespace oko::index {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDimensions = 64;
constexpr int kDocuments = 40;

LibraryModel test_model() {
  return {.name = "tiny",
          .fingerprint = "f1",
          .dimensions = kDimensions,
          .colbert_dimensions = kDimensions,
          .has_sparse = true,
          .kernels = "test",
          .query_prefix = "query: ",
          .language_direction = std::vector<float>(kDimensions, 0.125f)};
}

std::vector<float> unit_vector(int seed) {
  std::mt19937 random(static_cast<std::uint32_t>(seed));
  std::normal_distribution<float> normal;
  std::vector<float> vector(kDimensions);
  float sum = 0;
  for (float& value : vector) {
    value = normal(random);
    sum += value * value;
  }
  for (float& value : vector) value /= std::sqrt(sum);
  return vector;
}

class LibraryDamageTest : public ScratchFolderTest {
 protected:
  fs::path path() const { return folder_ / "library.db"; }

  void make_library() {
    const auto store = SqliteStore::open_or_create(path(), test_model());
    for (int i = 0; i < kDocuments; ++i) {
      Document document;
      document.path = "/files/" + std::to_string(i) + ".txt";
      EncodedChunk chunk;
      chunk.chunk.text = "Отрывок номер " + std::to_string(1000 + i);
      chunk.encoding.dense = unit_vector(i);
      chunk.encoding.sparse = {{5, 0.1f}, {10 + i, 0.5f}};
      chunk.encoding.colbert = {.dimensions = kDimensions, .values = unit_vector(i)};
      store->put(document, std::vector{chunk});
    }
    store->commit();
  }

  fs::path vectors_path() const {
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path().string().find("-vectors-") != std::string::npos) return entry.path();
    }
    return {};
  }

  void run_sql(const std::string& sql) {
    SqliteDatabase(path(), SqliteDatabase::Access::kWrite).run(sql);
  }

  /// All answers of a library to questions by each measure, as text.
  static std::string answers_of(Store& store) {
    std::string answers;
    std::vector<ChunkId> ids;
    const auto add = [&](const std::vector<ScoredChunk>& found) {
      for (const ScoredChunk& each : found) {
        answers += std::to_string(each.chunk) + " " + std::to_string(each.score) + "\n";
        ids.push_back(each.chunk);
      }
    };
    for (const int i : {3, 17, 39}) {
      add(store.find_dense(unit_vector(i), 5, {}));
      add(store.find_sparse({{5, 1.0f}, {10 + i, 1.0f}}, 50, {}));
      const models::bge_m3::TokenVectors query{.dimensions = kDimensions, .values = unit_vector(i)};
      for (const float score : store.colbert_scores(query, ids)) {
        answers += std::to_string(score) + "\n";
      }
    }
    for (const StoredChunk& chunk : store.chunks(ids)) {
      answers += chunk.chunk.text + " " + std::to_string(chunk.document) + "\n";
    }
    store.visit_documents([&](const KnownDocument& known) {
      answers += std::to_string(known.id) + " " + known.document.path + "\n";
    });
    return answers;
  }

  bool is_whole_by_check() {
    try {
      return check_library(path(), {}).is_whole();
    } catch (const Error&) {
      return false;
    }
  }

  /// "damaged", or the answers.
  std::string answers_or_damage() {
    try {
      return answers_of(*SqliteStore::open(path()));
    } catch (const DamagedLibrary&) {
      return "damaged";
    }
  }
};

TEST_F(LibraryDamageTest, ACheckFindsDamagedRowsAndTheirDocumentsCanBeForgotten) {
  make_library();
  EXPECT_TRUE(check_library(path(), {}).is_whole());
  const std::map<std::string, std::string> damages{
      {"vectors", "UPDATE vectors SET dense = zeroblob(length(dense)) WHERE chunk = 4"},
      {"token_vectors", "UPDATE token_vectors SET codes = zeroblob(9) WHERE chunk = 4"},
      {"lost vectors", "DELETE FROM vectors WHERE chunk = 4"},
      {"chunks", "UPDATE chunks SET text = 'другой' WHERE id = 4"},
      {"documents", "UPDATE documents SET title = 'x' WHERE id = 4"}};
  for (const auto& [what, change] : damages) {
    SCOPED_TRACE(what);
    run_sql(change);
    const LibraryCheck check = check_library(path(), {});
    EXPECT_TRUE(check.faults.empty());
    EXPECT_EQ(check.are_words_damaged, what == "chunks");
    ASSERT_EQ(check.documents.size(), 1u);
    EXPECT_EQ(check.documents[0].path, "/files/3.txt");
    forget_damaged(path(), std::vector{check.documents[0].id});
    EXPECT_TRUE(check_library(path(), {}).is_whole());
    const auto store = SqliteStore::open_or_create(path(), test_model());
    EXPECT_EQ(store->counts().documents, kDocuments - 1u);
    EXPECT_NE(answers_of(*store), "damaged");
    for (const char* end : {"", "-wal", "-shm", "-vectors-1"}) fs::remove(path().string() + end);
    make_library();
  }
}

TEST_F(LibraryDamageTest, ACheckNamesWhatOnlyARebuildMends) {
  for (const char* change :
       {"UPDATE postings SET list = x'01' WHERE token = 5",
        "UPDATE documents SET chunk_count = 2 WHERE id = 7",
        "UPDATE documents SET first_chunk = 9, chunk_count = 0 WHERE id = 7"}) {
    make_library();
    run_sql(change);
    const LibraryCheck check = check_library(path(), {});
    EXPECT_FALSE(check.faults.empty()) << change;
    for (const char* end : {"", "-wal", "-shm", "-vectors-1"}) fs::remove(path().string() + end);
  }
}

TEST_F(LibraryDamageTest, SharedChunksStayWithTheOtherDocument) {
  make_library();
  Document copy;
  copy.path = "/files/copy.txt";
  {
    const auto store = SqliteStore::open_or_create(path(), test_model());
    ASSERT_NE(store->copy(4, copy), 0);
    store->commit();
  }
  run_sql("UPDATE documents SET title = 'x' WHERE id = 4");
  const LibraryCheck check = check_library(path(), {});
  ASSERT_EQ(check.documents.size(), 1u);
  forget_damaged(path(), std::vector{check.documents[0].id});
  EXPECT_TRUE(check_library(path(), {}).is_whole());
  const auto store = SqliteStore::open(path());
  const auto found = store->find_words("1003", 5, {});
  ASSERT_EQ(found.size(), 1u);
  const auto chunks = store->chunks(std::vector{found[0].chunk});
  EXPECT_EQ(store->documents(std::vector{chunks.at(0).document}).at(0).document.path, copy.path);
}

TEST_F(LibraryDamageTest, ChangedRowsOfEachTableAreNamed) {
  make_library();
  const std::string whole = answers_or_damage();
  ASSERT_NE(whole, "damaged");
  const std::map<std::string, std::string> damages{
      {"vectors", "SET dense = substr(dense, 1, 60) || x'01' || substr(dense, 62)"},
      {"token_vectors", "SET codes = substr(codes, 1, 20) || x'01' || substr(codes, 22)"},
      {"postings", "SET list = substr(list, 1, length(list) - 1) || x'01'"},
      {"chunks", "SET text = 'Отрывок номер 7777'"},
      {"documents", "SET path = CAST('/files/x' || id AS BLOB)"}};
  for (const auto& [table, change] : damages) {
    run_sql("CREATE TABLE copy AS SELECT * FROM " + table);
    run_sql("UPDATE " + table + " " + change);
    EXPECT_EQ(answers_or_damage(), "damaged") << table;
    run_sql("DELETE FROM " + table + "; INSERT INTO " + table + " SELECT * FROM copy;" +
            "DROP TABLE copy");
    EXPECT_EQ(answers_or_damage(), whole) << table;
  }
}

TEST_F(LibraryDamageTest, FlippedBytesOfTheDatabaseNeverChangeAnAnswer) {
  make_library();
  run_sql("PRAGMA wal_checkpoint(TRUNCATE)");
  const std::string whole = answers_or_damage();
  std::ifstream file(path(), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::mt19937 random(11);
  int damaged = 0, same = 0;
  for (int i = 0; i < 150; ++i) {
    std::string changed = bytes;
    changed[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    std::ofstream(path(), std::ios::binary) << changed;
    try {
      EXPECT_EQ(answers_of(*SqliteStore::open(path())), whole);
      ++same;  // a free part of a page, or one that these questions do not read
    } catch (const Error&) {
      EXPECT_FALSE(is_whole_by_check());
      ++damaged;
    }
  }
  EXPECT_GT(damaged, 10);
  EXPECT_GT(same, 10);
}

TEST_F(LibraryDamageTest, WithoutTheFileOfVectorsAnswersAreTheSame) {
  make_library();
  const Filter some{.path = "/files/1*"};
  const auto answers = [&] {
    const auto store = SqliteStore::open(path());
    std::string text = answers_of(*store);
    for (const std::size_t count : {0, 1, 4, 100}) {
      for (const ScoredChunk& each : store->find_dense(unit_vector(3), count, some)) {
        text += std::to_string(each.chunk) + " " + std::to_string(each.score) + "\n";
      }
    }
    return text;
  };
  const std::string whole = answers();
  ASSERT_TRUE(fs::remove(vectors_path()));
  EXPECT_EQ(answers(), whole);
}

TEST_F(LibraryDamageTest, ALostFileOfVectorsTakesLittleMemory) {
  constexpr std::size_t kWide = 2048, kRows = 4000;  // 8 MB of codes
  {
    LibraryModel model = test_model();
    model.dimensions = kWide;
    model.language_direction.clear();
    const auto store = SqliteStore::open_or_create(path(), model);
    for (std::size_t i = 0; i < kRows; ++i) {
      Document document;
      document.path = "/" + std::to_string(i);
      EncodedChunk chunk;
      chunk.encoding.dense.assign(kWide, 0.0f);
      chunk.encoding.dense[i % kWide] = 1.0f;
      store->put(document, std::vector{chunk});
      if (i % 100 == 99) store->commit();
    }
  }
  ASSERT_TRUE(fs::remove(vectors_path()));
  const auto store = SqliteStore::open(path());
  std::vector<float> query(kWide);
  query[7] = 1.0f;
  std::vector<ChunkId> all(kRows);
  std::iota(all.begin(), all.end(), 1);
  store->dense_scores(query, all);  // fills the cache of pages
  const std::uint64_t before = budget::private_bytes();
  budget::PeakSampler sampler;
  EXPECT_EQ(store->find_dense(query, 1, {}).at(0).chunk, 8);
  EXPECT_LT(sampler.peak_bytes(), before + 3'000'000 + kKeptFreedBytes);
}

TEST_F(LibraryDamageTest, AFlippedByteOfTheFileOfVectorsIsSeenAndMended) {
  make_library();
  const std::string whole = answers_or_damage();
  const fs::path vectors = vectors_path();
  std::ifstream file(vectors, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  // The codes of the first rows are at the end of the block's other values: 16 bytes a row.
  const std::size_t codes = 16384 + 1024 * 16;
  for (std::size_t row = 0; row < kDocuments; ++row) bytes[codes + row * kDimensions + 5] ^= 0x40;
  std::ofstream(vectors, std::ios::binary) << bytes;
  EXPECT_EQ(answers_or_damage(), whole);  // of the table's vectors
  SqliteStore::open_or_create(path(), test_model());
  EXPECT_FALSE(fs::exists(vectors));  // there is a new one
  EXPECT_EQ(answers_or_damage(), whole);
}

TEST_F(LibraryDamageTest, AWriterReadsAllVectorsOnlyOfAFileThatOthersHaveChanged) {
  make_library();
  const auto is_current = [&](std::uint64_t part_bytes) {
    SqliteDatabase database(path(), SqliteDatabase::Access::kRead);
    return DenseIndex(database, read_header(database)).is_current(part_bytes);
  };
  const fs::path vectors = vectors_path();
  const fs::file_time_type time = fs::last_write_time(vectors);
  EXPECT_TRUE(is_current(DenseIndex::kPartBytes));
  {
    std::fstream file(vectors, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(16384 + 1024 * 16 + 20 * kDimensions);  // of row 20 of 40
    file.put('\x33');
  }
  EXPECT_FALSE(is_current(0)) << "all rows of a file with another time";
  fs::last_write_time(vectors, time);
  EXPECT_TRUE(is_current(0)) << "no row";
  EXPECT_FALSE(is_current(kDocuments * kDimensions)) << "a file as small as the part";
  int seen = 0;
  for (int i = 0; i < 200; ++i) seen += is_current(10 * kDimensions) ? 0 : 1;
  EXPECT_GT(seen, 0) << "each part in its turn";
  EXPECT_LT(seen, 200);
  EXPECT_TRUE(check_library(path(), {}).is_whole());
  EXPECT_FALSE(is_current(0)) << "all rows after a check";
}

TEST_F(LibraryDamageTest, ChangedPrefixesAndDirectionsAreNoticed) {
  for (const char* change :
       {"'quer: ' WHERE key = 'query_prefix'", "'x' WHERE key = 'passage_prefix'",
        "zeroblob(length(value)) WHERE key = 'language_direction'"}) {
    make_library();
    run_sql(std::string("UPDATE library SET value = ") + change);
    try {
      SqliteStore::open(path());
      ADD_FAILURE() << "opened a library with " << change;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadInput) << error.message();
    }
    for (const char* end : {"", "-wal", "-shm"}) fs::remove(path().string() + end);
  }
}

}  // namespace
}  // namespace oko::index
