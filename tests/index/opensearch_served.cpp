// What the server answers about a library on OpenSearch: as about one in a file
// (library_api_test.cpp).
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/model_host.h"
#include "index/opensearch_store.h"
#include "tests/server/api_client.h"
#include "tests/server/library_files.h"
#include "tests/support/random_models.h"
#include "tests/support/search_cluster.h"

namespace oko::server {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class OpenSearchServedTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!shared_cluster().why_not().empty()) return;
    root_ = fs::canonical(fs::temp_directory_path()) / ("oko_served_" + std::to_string(::getpid()));
    write_library_files(root_ / "files");
    host_ = std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1});
    const fs::path model = RandomModels::get("bge-m3-small-8bit", 21);
    const auto address = index::parse_opensearch_address(
        "opensearch://" + shared_cluster().hosts() + "/served?shards=2&replicas=1");
    none_ = make_server({}, address.hosts, "nothing-there");
    index_library_files(root_ / "files", model, host_, [&](const index::LibraryModel& own) {
      return index::OpenSearchStore::open_or_create(address, own);
    });
    server_ = make_server({model.string()}, address.hosts, "served");
  }
  static void TearDownTestSuite() {
    server_.reset();
    none_.reset();
    host_.reset();
    fs::remove_all(root_);
  }
  static std::unique_ptr<ApiServer> make_server(const std::vector<std::string>& models,
                                                const std::vector<std::string>& hosts,
                                                const std::string& index) {
    const index::OpenSearchAddress address{.hosts = hosts, .index = index};
    return serve_library(host_, models, {.name = address.shown(), .open = [address] {
                                           return index::OpenSearchStore::open(address);
                                         }});
  }
  void SetUp() override {
    if (!server_) GTEST_SKIP() << shared_cluster().why_not();
  }

  static json get(const std::string& path) {
    const ApiAnswer answer = ask(server_->port(), "GET", path);
    EXPECT_EQ(answer.status, 200) << path << answer.body;
    return json::parse(answer.body, nullptr, false);
  }
  static json results_of(const json& body) {
    const ApiAnswer answer = ask(server_->port(), "POST", "/v1/search", body.dump());
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.status == 200 ? answer.parsed().at("results") : json::array();
  }
  static std::map<std::string, json> documents() {
    std::map<std::string, json> found;
    const json list = get("/v1/library/documents");
    for (const json& each : list.at("data")) {
      found[fs::path(each.at("file").get<std::string>()).filename()] = each;
    }
    return found;
  }

  static inline fs::path root_;
  static inline std::shared_ptr<engine::ModelHost> host_;
  static inline std::unique_ptr<ApiServer> server_, none_;
};

TEST_F(OpenSearchServedTest, TellsWhatItHas) {
  const json library = get("/v1/library");
  EXPECT_EQ(library.at("exists"), true);
  EXPECT_EQ(library.at("documents"), 2);
  EXPECT_EQ(library.at("failed_documents"), 1);
  EXPECT_EQ(library.at("passages"), 3);
  EXPECT_EQ(library.at("model").at("name"), "a name of long ago");
  const ApiAnswer none = ask(none_->port(), "GET", "/v1/library");
  ASSERT_EQ(none.status, 200) << none.body;
  EXPECT_EQ(none.parsed().at("exists"), false);
  const ApiAnswer search = ask(none_->port(), "POST", "/v1/search", R"({"query":"a"})");
  EXPECT_EQ(search.status, 404) << search.body;
}

TEST_F(OpenSearchServedTest, ListsDocuments) {
  const auto all = documents();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all.at("bill.pdf").at("pages"), 2);
  EXPECT_TRUE(all.at("broken.png").contains("error"));
  EXPECT_EQ(get("/v1/library/documents?kinds=text").at("total"), 1);
  EXPECT_EQ(get("/v1/library/documents?in=*.pdf").at("total"), 1);
  EXPECT_EQ(get("/v1/library/documents?failed=true").at("total"), 1);
  EXPECT_EQ(get("/v1/library/documents?to=1990").at("total"), 0);
  const json part = get("/v1/library/documents?limit=1&offset=1");
  ASSERT_EQ(part.at("data").size(), 1u);
  EXPECT_EQ(part.at("data")[0], all.at("broken.png"));
}

TEST_F(OpenSearchServedTest, FindsPassagesByEachMeasure) {
  const json by_words =
      results_of({{"query", "electricity 4711"}, {"mode", "text"}, {"explain", true}});
  ASSERT_EQ(by_words.size(), 2u);
  EXPECT_EQ(by_words[0].at("document"), documents().at("bill.pdf").at("id"));
  EXPECT_EQ(by_words[0].at("snippet_parts"), json::parse(R"([{"text":"Electricity","marked":true},
      {"text":" bill ","marked":false},{"text":"4711","marked":true}])"));
  EXPECT_TRUE(by_words[0].at("scores").contains("words"));
  EXPECT_GT(by_words[0].at("box")[2], 0);
  for (const char* mode : {"hybrid", "dense", "colbert"}) {
    const json found = results_of({{"query", "tea"}, {"mode", mode}, {"kinds", {"text"}}});
    ASSERT_EQ(found.size(), 1u) << mode;
    EXPECT_EQ(found[0].at("kind"), "text");
  }
}

TEST_F(OpenSearchServedTest, GivesADocumentAndItsPages) {
  const json bill = documents().at("bill.pdf");
  const std::string place = "/v1/library/documents/" + std::to_string(bill.at("id").get<long>());
  const json whole = get(place);
  EXPECT_EQ(whole.at("file"), bill.at("file"));
  ASSERT_EQ(whole.at("passages").size(), 2u);
  EXPECT_EQ(whole.at("passages")[1].at("page"), 2);
  const ApiAnswer picture = ask(server_->port(), "GET", place + "/picture?page=2&width=100");
  ASSERT_EQ(picture.status, 200) << picture.body;
  EXPECT_EQ(picture.body.substr(0, 3), "\xFF\xD8\xFF");
  EXPECT_EQ(ask(server_->port(), "GET", "/v1/library/documents/999999").status, 404);
}

}  // namespace
}  // namespace oko::server
