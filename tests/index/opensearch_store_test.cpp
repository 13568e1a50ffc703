// A library on OpenSearch: what every store does (store_cases.cpp), and what happens when nodes and
// processes die. On a cluster of two nodes that this program starts.
#include "index/opensearch_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/stop_token.h"
#include "index/opensearch_lock.h"
#include "tests/index/store_cases.h"
#include "tests/support/search_cluster.h"

namespace oko::index {
namespace {

using namespace std::chrono_literals;

bool has_cluster() {
  return shared_cluster().why_not().empty();
}

/// Small letters with dashes, as names of indices are.
std::string index_name(const std::string& test) {
  std::string name;
  for (const char c : test) {
    const bool is_large = c >= 'A' && c <= 'Z';
    if (is_large && !name.empty()) name += '-';
    name += is_large ? static_cast<char>(c + 32) : c;
  }
  return name;
}

OpenSearchStore::Options quick() {
  OpenSearchStore::Options options;
  options.http.first_delay = 100ms;
  options.http.tries = 10;
  options.lease = 1s;
  return options;
}

class OpenSearchLibrary : public TestLibrary {
 public:
  explicit OpenSearchLibrary(const std::string& name, const std::string& settings = "")
      : address_(parse_opensearch_address("opensearch://" + shared_cluster().hosts() + "/" +
                                          index_name(name) + settings)) {}

  const OpenSearchAddress& address() const { return address_; }
  std::unique_ptr<Store> open_or_create(const LibraryModel& model) override {
    return OpenSearchStore::open_or_create(address_, model, quick());
  }
  std::unique_ptr<Store> open() override { return OpenSearchStore::open(address_, quick()); }

 private:
  OpenSearchAddress address_;
};

std::unique_ptr<TestLibrary> make_library(const std::string& name) {
  return has_cluster() ? std::make_unique<OpenSearchLibrary>(name, "?shards=2&replicas=1")
                       : nullptr;
}

INSTANTIATE_TEST_SUITE_P(OpenSearch, StoreTest, ::testing::Values(&make_library),
                         [](const auto&) { return std::string("OpenSearch"); });

class OpenSearchStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_cluster()) GTEST_SKIP() << shared_cluster().why_not();
    library_ = std::make_unique<OpenSearchLibrary>(
        ::testing::UnitTest::GetInstance()->current_test_info()->name(), "?shards=2&replicas=1");
  }

  std::unique_ptr<OpenSearchLibrary> library_;
};

Document numbered(int number) {
  return document_at("/" + std::to_string(number));
}

std::set<std::string> paths_in(Store& store) {
  std::set<std::string> paths;
  store.visit_documents(
      [&](const KnownDocument& known) { EXPECT_TRUE(paths.insert(known.document.path).second); });
  return paths;
}

TEST_F(OpenSearchStoreTest, OneProcessWritesAtATime) {
  const auto first = library_->open_or_create(test_model());
  OpenSearchStore::Options patient = quick();
  patient.lease = 1h;
  try {
    OpenSearchStore::open_or_create(library_->address(), test_model(), patient);
    ADD_FAILURE() << "two processes write";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBusy) << error.message();
  }
  first->put(numbered(1), std::vector{chunk_of("чай", 1)});
  first->commit();
  EXPECT_EQ(library_->open()->counts().documents, 1u);
}

/// In the index, seen or not.
int all_chunks(OpenSearchClient& client) {
  const nlohmann::json found = client.search(
      {{"size", 0}, {"track_total_hits", true}, {"query", {{"term", {{"type", "chunk"}}}}}});
  return found.at("hits").at("total").at("value");
}

/// A process that died in the middle of a document, by what it leaves: items that no commit names.
TEST_F(OpenSearchStoreTest, WhatAProcessLeftInTheMiddleIsNeverSeen) {
  std::vector<EncodedChunk> many;
  for (std::uint32_t seed = 1; seed <= 2000; ++seed) many.push_back(chunk_of("недописанное", seed));
  {
    const auto dies = library_->open_or_create(test_model());
    dies->put(numbered(1), std::vector{chunk_of("записанное", 1)});
    dies->commit();
    dies->put(numbered(1), many);
    dies->put(numbered(2), many);
  }
  const auto expect_first = [&](Store& store) {
    EXPECT_EQ(paths_in(store), std::set<std::string>{"/1"});
    EXPECT_EQ(store.counts().chunks, 1u);
    EXPECT_EQ(store.find_words("записанное", 10, {}).size(), 1u);
    EXPECT_EQ(store.find_words("недописанное", 10, {}).size(), 0u);
    EXPECT_EQ(store.find_dense(unit_vector(7), 5000, {}).size(), 1u);
  };
  OpenSearchClient client(library_->address());
  client.refresh();
  expect_first(*library_->open());
  const nlohmann::json late = client.search(
      {{"size", 2}, {"query", {{"term", {{"forms", "недописанное"}}}}}})["hits"]["hits"];
  ASSERT_EQ(late.size(), 2u);
  const auto next = library_->open_or_create(test_model());
  expect_first(*next);
  next->put(numbered(2), std::vector{chunk_of("другое", 3)});
  next->commit();
  EXPECT_EQ(all_chunks(client), 2);  // the others are deleted
  // A request of the process that died comes late, behind a network that was slow.
  for (const nlohmann::json& item : late) {
    client.send("PUT", "/_doc/" + item.at("_id").get<std::string>(), text_of(item.at("_source")));
  }
  client.refresh();
  EXPECT_EQ(all_chunks(client), 4);
  const auto reader = library_->open();
  EXPECT_EQ(paths_in(*reader), (std::set<std::string>{"/1", "/2"}));
  EXPECT_EQ(reader->counts().chunks, 2u);
  EXPECT_EQ(reader->find_dense(unit_vector(7), 5000, {}).size(), 2u);
}

TEST_F(OpenSearchStoreTest, RightToWriteOfAProcessThatDiedIsTaken) {
  {
    const auto writer = library_->open_or_create(test_model());
    writer->put(numbered(1), std::vector{chunk_of("чай", 1)});
    writer->commit();
  }
  OpenSearchClient client(library_->address());
  client.send("PUT", "/_doc/lock", R"({"type":"lock","owner":"dead","beat":1})");
  const auto writer = library_->open_or_create(test_model());  // waits for the lease
  writer->put(numbered(2), std::vector{chunk_of("чай", 2)});
  writer->commit();
  EXPECT_EQ(library_->open()->counts().documents, 2u);
}

/// A process that slept longer than its lease, while another wrote, cannot commit.
TEST_F(OpenSearchStoreTest, ProcessThatWasReplacedCannotCommit) {
  const auto sleeper = library_->open_or_create(test_model());
  sleeper->put(numbered(1), std::vector{chunk_of("чай", 1)});
  OpenSearchClient client(library_->address());
  const auto record = client.send("GET", "/_doc/library").body.at("_source");
  client.send("PUT", "/_doc/library", text_of(record));  // what the other does first
  try {
    sleeper->commit();
    ADD_FAILURE() << "it committed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBusy) << error.message();
  }
  EXPECT_EQ(library_->open()->counts().documents, 0u);
}

TEST_F(OpenSearchStoreTest, HeldStateIsSeenUntilItIsLeft) {
  const auto writer = library_->open_or_create(test_model());
  writer->put(numbered(1), std::vector{chunk_of("чай", 1)});
  writer->commit();
  const auto reader = library_->open();
  {
    const std::shared_ptr<void> held = reader->hold_state();
    writer->put(numbered(2), std::vector{chunk_of("чай", 2)});
    writer->commit();
    EXPECT_EQ(reader->counts().documents, 1u);
    EXPECT_EQ(reader->find_words("чай", 10, {}).size(), 1u);
  }
  EXPECT_EQ(reader->counts().documents, 2u);
  EXPECT_EQ(reader->find_words("чай", 10, {}).size(), 2u);
}

TEST_F(OpenSearchStoreTest, IndicesOfOtherProgramsAreNamed) {
  OpenSearchClient client(library_->address());
  client.send("PUT", "", R"({"mappings":{"properties":{"a":{"type":"keyword"}}}})");
  for (const bool writes : {false, true}) {
    try {
      if (writes) {
        library_->open_or_create(test_model());
      } else {
        library_->open();
      }
      ADD_FAILURE() << "opened it";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadInput) << error.message();
    }
  }
}

TEST_F(OpenSearchStoreTest, LibrariesThatAreNotThereAreNotFound) {
  try {
    library_->open();
    ADD_FAILURE() << "opened it";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound) << error.message();
  }
}

TEST_F(OpenSearchStoreTest, FullDiskIsNamedAndSearchesGoOn) {
  const auto writer = library_->open_or_create(test_model());
  writer->put(numbered(1), std::vector{chunk_of("чай", 1)});
  writer->commit();
  OpenSearchClient client(library_->address());
  const auto block = [&](const char* value) {
    client.send("PUT", "/_settings",
                std::string(R"({"index.blocks.read_only_allow_delete":)") + value + "}");
  };
  block("true");  // as OpenSearch does when a disk is nearly full
  writer->put(numbered(2), std::vector{chunk_of("чай", 2)});
  try {
    writer->commit();
    ADD_FAILURE() << "it committed";
  } catch (const Error& error) {
    EXPECT_TRUE(error.message().contains("nearly full")) << error.message();
  }
  EXPECT_EQ(library_->open()->find_words("чай", 10, {}).size(), 1u);
  block("null");
  writer->put(numbered(3), std::vector{chunk_of("чай", 3)});
  writer->commit();
  EXPECT_EQ(paths_in(*library_->open()), (std::set<std::string>{"/1", "/3"}));
}

/// Kills a node of two while documents are put and while others search, once each way: nothing that
/// `commit` has acknowledged is lost, and every search is answered in full.
TEST_F(OpenSearchStoreTest, KilledNodeLosesNothing) {
  const auto writer = library_->open_or_create(test_model());
  int committed = 0;
  const auto put_some = [&](int count) {
    for (int i = 0; i < count; ++i) {
      for (int each = 0; each < 5; ++each) {
        const int number = committed + each + 1;
        writer->put(numbered(number),
                    std::vector{chunk_of("общее слово", static_cast<std::uint32_t>(number))});
      }
      writer->commit();
      committed += 5;
    }
  };
  put_some(5);
  std::atomic<int> searches{0};
  {
    const JoiningThread searching([&](const StopToken& stop) {
      try {
        const auto reader = library_->open();
        while (!stop.stop_requested()) {
          EXPECT_GE(reader->find_dense(unit_vector(3), 1000, {}).size(), 25u);
          EXPECT_GE(reader->find_words("слово", 1000, {}).size(), 25u);
          ++searches;
        }
      } catch (const Error& error) {
        ADD_FAILURE() << error.message();
        searches = 1000;
      }
    });
    const JoiningThread killing([] { shared_cluster().kill(1); });
    put_some(10);
    while (searches < 5) net::sleep_for(10ms, {});
  }
  const auto reader = library_->open();
  EXPECT_EQ(paths_in(*reader).size(), static_cast<std::size_t>(committed));
  EXPECT_EQ(reader->counts().chunks, static_cast<std::uint64_t>(committed));
  for (int number = 1; number <= committed; ++number) {
    const auto found = reader->find_dense(unit_vector(static_cast<std::uint32_t>(number)), 1, {});
    ASSERT_EQ(found.size(), 1u);
    EXPECT_NEAR(found[0].score, 1.0f, 1e-3f) << number;
  }
  ASSERT_TRUE(shared_cluster().add_node());  // for other tests
}

}  // namespace
}  // namespace oko::index
