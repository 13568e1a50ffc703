#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/model_host.h"
#include "index/sqlite_store.h"
#include "server/api_server.h"
#include "tests/server/api_client.h"
#include "tests/server/library_files.h"
#include "tests/support/random_models.h"

namespace oko::server {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A server with a library of a text, a PDF and a file that cannot be read.
class LibraryApiTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    root_ = fs::canonical(fs::temp_directory_path()) /
            ("oko_library_api_" + std::to_string(::getpid()));
    write_library_files(root_ / "files");
    const fs::path folder = RandomModels::get("bge-m3-small-8bit", 21);
    host_ = std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1});
    index_library_files(root_ / "files", folder, host_, [&](const index::LibraryModel& model) {
      return index::SqliteStore::open_or_create(root_ / "library.db", model);
    });
    server_ = make_server(root_ / "library.db", {folder.string()});
    empty_ = make_server(root_ / "none.db", {});
  }
  static void TearDownTestSuite() {
    server_.reset();
    empty_.reset();
    host_.reset();
    fs::remove_all(root_);
  }
  static std::unique_ptr<ApiServer> make_server(const fs::path& library,
                                                const std::vector<std::string>& models) {
    return serve_library(host_, models,
                         {.name = library.string(), .file = library, .open = [library] {
                            return index::SqliteStore::open(library);
                          }});
  }

  static ApiAnswer get(const std::string& path, const std::string& headers = "") {
    return ask(server_->port(), "GET", path, "", headers);
  }
  static ApiAnswer search(const json& body) {
    return ask(server_->port(), "POST", "/v1/search", body.dump());
  }
  /// All documents by the names of their files.
  static std::map<std::string, json> documents() {
    std::map<std::string, json> found;
    const json list = get("/v1/library/documents").parsed();
    for (const json& each : list.at("data")) {
      found[fs::path(each.at("file").get<std::string>()).filename()] = each;
    }
    return found;
  }

  static inline fs::path root_;
  static inline std::shared_ptr<engine::ModelHost> host_;
  static inline std::unique_ptr<ApiServer> server_, empty_;
};

TEST_F(LibraryApiTest, TellsWhatItHas) {
  const json library = get("/v1/library").parsed();
  EXPECT_EQ(library.at("exists"), true);
  EXPECT_EQ(library.at("documents"), 2);
  EXPECT_EQ(library.at("failed_documents"), 1);
  EXPECT_EQ(library.at("passages"), 3);
  EXPECT_EQ(library.at("model").at("name"), "a name of long ago");
  const json none = ask(empty_->port(), "GET", "/v1/library").parsed();
  EXPECT_EQ(none.at("exists"), false);
  const ApiAnswer answer = ask(empty_->port(), "POST", "/v1/search", R"({"query":"a"})");
  EXPECT_EQ(answer.status, 404) << answer.body;
  EXPECT_NE(answer.body.find("oko index"), std::string::npos) << answer.body;
}

TEST_F(LibraryApiTest, FolderOfTheModelIsTakenIfTheLibraryNamesIt) {
  const fs::path folder = RandomModels::get("bge-m3-small-8bit", 21);
  const auto make = [&](const std::string& name, const std::string& model) {
    engine::Embedder embedder({.model = folder, .host = host_});
    const auto store = index::SqliteStore::open_or_create(
        root_ / name, tasks::library_model_of(model, folder, embedder, {}, {}));
    tasks::index_files(*store, embedder, {(root_ / "files/tea.txt").string()}, {}, {}, {});
  };
  const auto server = make_server(root_ / "later.db", {});
  make("later.db", folder.string());
  const std::string query = R"({"query":"чай"})";
  EXPECT_EQ(ask(server->port(), "POST", "/v1/search", query).status, 200);
  const auto other = make_server(root_ / "moved.db", {});
  make("moved.db", "/a/folder/of/long/ago");
  const ApiAnswer answer = ask(other->port(), "POST", "/v1/search", query);
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body.find("oko pull"), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find("--model"), std::string::npos) << answer.body;
}

TEST_F(LibraryApiTest, ListsDocuments) {
  const auto all = documents();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all.at("bill.pdf").at("kind"), "pdf");
  EXPECT_EQ(all.at("bill.pdf").at("pages"), 2);
  EXPECT_TRUE(all.at("broken.png").contains("error"));
  const auto total_of = [](const std::string& query) {
    return get("/v1/library/documents?" + query).parsed().at("total").get<int>();
  };
  EXPECT_EQ(total_of("kinds=text"), 1);
  EXPECT_EQ(total_of("kinds=text,pdf"), 2);
  EXPECT_EQ(total_of("in=*.pdf"), 1);
  EXPECT_EQ(total_of("in=" + (root_ / "files").string()), 3);
  EXPECT_EQ(total_of("in=/elsewhere"), 0);
  EXPECT_EQ(total_of("failed=true"), 1);
  EXPECT_EQ(total_of("to=1990"), 0);
  const std::string day = all.at("bill.pdf").at("date").get<std::string>().substr(0, 10);
  EXPECT_EQ(total_of("in=*.pdf&from=" + day + "&to=" + day), 1) << "the whole day";
  EXPECT_EQ(total_of("in=*.pdf&from=" + day.substr(0, 4)), 1);
  const json part = get("/v1/library/documents?limit=1&offset=1").parsed();
  EXPECT_EQ(part.at("total"), 3);
  ASSERT_EQ(part.at("data").size(), 1u);
  EXPECT_EQ(part.at("data")[0], all.at("broken.png"));
}

TEST_F(LibraryApiTest, FindsPassagesByWordsAndByMeaning) {
  const ApiAnswer answer =
      search({{"query", "electricity 4711"}, {"mode", "text"}, {"explain", true}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json results = answer.parsed().at("results");
  ASSERT_EQ(results.size(), 2u) << answer.body;
  const json& first = results[0];
  EXPECT_EQ(first.at("document"), documents().at("bill.pdf").at("id"));
  EXPECT_EQ(first.at("page").get<int>() + results[1].at("page").get<int>(), 3) << "both pages";
  EXPECT_EQ(first.at("snippet_parts"), json::parse(R"([{"text":"Electricity","marked":true},
      {"text":" bill ","marked":false},{"text":"4711","marked":true}])"));
  EXPECT_TRUE(first.at("scores").contains("words"));
  EXPECT_FALSE(first.at("scores").contains("dense"));
  const json& box = first.at("box");
  EXPECT_GT(box[2], 0);
  EXPECT_LE(box[0].get<int>() + box[2].get<int>(), first.at("page_width"));

  const json by_meaning = search({{"query", "tea"}, {"limit", 1}, {"kinds", {"text"}}}).parsed();
  ASSERT_EQ(by_meaning.at("results").size(), 1u) << by_meaning;
  EXPECT_EQ(by_meaning.at("mode"), "hybrid");
  EXPECT_EQ(by_meaning.at("results")[0].at("kind"), "text");
  EXPECT_FALSE(by_meaning.at("results")[0].contains("scores"));
  EXPECT_GT(search({{"query", "tea"}, {"mode", "colbert"}}).parsed().at("results").size(), 0u);
}

TEST_F(LibraryApiTest, GivesADocumentAndItsPages) {
  const json bill = documents().at("bill.pdf");
  const std::string place = "/v1/library/documents/" + std::to_string(bill.at("id").get<int>());
  const json whole = get(place).parsed();
  EXPECT_EQ(whole.at("file"), bill.at("file"));
  ASSERT_EQ(whole.at("passages").size(), 2u);
  EXPECT_EQ(whole.at("passages")[1].at("page"), 2);
  EXPECT_EQ(whole.at("passages")[1].at("text"), "Electricity bill 4711");

  const ApiAnswer picture = get(place + "/picture?page=2&width=100&height=100");
  ASSERT_EQ(picture.status, 200) << picture.body;
  EXPECT_NE(picture.header.find("Content-Type: image/jpeg"), std::string::npos);
  EXPECT_EQ(picture.body.substr(0, 3), "\xFF\xD8\xFF");
  const std::size_t tag = picture.header.find("ETag: ");
  ASSERT_NE(tag, std::string::npos);
  const std::string value =
      picture.header.substr(tag + 6, picture.header.find('\r', tag) - tag - 6);
  EXPECT_EQ(get(place + "/picture?page=2&width=100&height=100", "If-None-Match: " + value + "\r\n")
                .status,
            304);
  EXPECT_EQ(get(place + "/picture?page=1&width=100&height=100", "If-None-Match: " + value + "\r\n")
                .status,
            200)
      << "another page";
  EXPECT_LT(get(place + "/picture?page=2&width=100&height=16").body.size(), picture.body.size());
  EXPECT_EQ(host_->memory_budget().transient_bytes(), 0u);
}

TEST_F(LibraryApiTest, OpensNoFilesButThoseOfTheLibrary) {
  const std::string place = "/v1/library/documents/";
  for (const char* name : {"0", "-1", "99", "x", "1x", "..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd",
                           "99999999999999999999", "1%00"}) {
    const ApiAnswer answer = get(place + name + "/picture");
    const bool has_nul = std::string(name).ends_with("%00");
    EXPECT_EQ(answer.status, has_nul ? 400 : 404) << name << answer.body;
    EXPECT_EQ(answer.body.find("root:"), std::string::npos);
  }
  const std::string tea = place + std::to_string(documents().at("tea.txt").at("id").get<int>());
  EXPECT_EQ(get(tea + "/picture").status, 404) << "a text has none";
  EXPECT_EQ(get(tea + "/nothing").status, 404);
  const json bill = documents().at("bill.pdf");
  const std::string picture = place + std::to_string(bill.at("id").get<int>()) + "/picture";
  EXPECT_EQ(get(picture + "?page=3").status, 404);
  EXPECT_EQ(get(picture + "?page=0").status, 400);
  EXPECT_EQ(get(picture + "?width=100000").status, 400);
  // Another file has come in its place since.
  const std::string file = bill.at("file");
  fs::rename(file, file + ".old");
  fs::create_symlink("/etc/passwd", file);
  const ApiAnswer changed = get(picture);
  EXPECT_EQ(changed.status, 400) << changed.body;
  fs::rename(file + ".old", file);
}

TEST_F(LibraryApiTest, SaysWhatIsWrong) {
  const struct {
    json body;
    const char* names;
  } kCases[] = {
      {json::object(), "query"},
      {{{"query", " "}}, "empty"},
      {{{"query", "a"}, {"mode", "magic"}}, "mode"},
      {{{"query", "a"}, {"limit", 0}}, "limit"},
      {{{"query", "a"}, {"limit", 201}}, "limit"},
      {{{"query", "a"}, {"kinds", {"film"}}}, "kinds"},
      {{{"query", "a"}, {"from", "2024-13"}}, "from"},
      {{{"query", "a"}, {"to", "tomorrow"}}, "to"},
      {{{"query", "a"}, {"from", "2024-03"}, {"to", "2024-02"}}, "from 2024-03 is later"},
      {{{"query", "a"}, {"in", 1}}, "in"},
      {{{"query", "a"}, {"passages", "tiny"}}, "passages"},
  };
  for (const auto& [body, names] : kCases) {
    const ApiAnswer answer = search(body);
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_NE(answer.parsed().at("error").at("message").get<std::string>().find(names),
              std::string::npos)
        << answer.body;
  }
  EXPECT_EQ(get("/v1/library/documents?from=2024-03&to=2024-02").status, 400);
  EXPECT_EQ(get("/v1/library/documents?from=2024-02&to=2024-02").status, 200);
}

TEST_F(LibraryApiTest, TellsItsMemoryAndCounts) {
  search({{"query", "tea"}});
  const json plan = get("/v1/plan").parsed();
  EXPECT_EQ(plan.at("budget_bytes"), host_->budget_bytes());
  EXPECT_EQ(plan.at("loaded").size(), 1u) << plan;
  EXPECT_GT(plan.at("held").at("weights_bytes"), 0);
  EXPECT_EQ(plan.at("plan").at("verdict"), "comfortable");

  get("/no/such/path?" + std::to_string(1));
  const ApiAnswer metrics = get("/metrics");
  EXPECT_NE(metrics.header.find("Content-Type: text/plain; version=0.0.4"), std::string::npos);
  for (const char* line :
       {"oko_requests_total{route=\"/v1/search\",status=\"200\"} ",
        "oko_requests_total{route=\"other\",status=\"404\"} 1\n",
        "oko_request_duration_seconds_bucket{route=\"/v1/plan\",le=\"+Inf\"} 1\n",
        "oko_request_duration_seconds_count{route=\"/v1/plan\"} 1\n",
        "# TYPE oko_request_duration_seconds histogram\n", "oko_models_loaded 1\n",
        "oko_memory_held_bytes{purpose=\"weights\"} "}) {
    EXPECT_NE(metrics.body.find(line), std::string::npos) << line << metrics.body;
  }
}

}  // namespace
}  // namespace oko::server
