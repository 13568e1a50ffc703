#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "engine/embedder.h"
#include "models/bge_m3/similarity.h"
#include "tests/server/api_client.h"
#include "tests/server/test_server.h"
#include "tests/support/random_models.h"

namespace oko::server {
namespace {

using nlohmann::json;

class RerankApiTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = RandomModels::get("bge-m3-small-8bit", 21);
    server_ = make_test_server({folder_.string()});
  }
  static void TearDownTestSuite() { server_.reset(); }

  static ApiAnswer post(json body) {
    body["model"] = folder_.filename();
    return ask(server_->port(), "POST", "/v1/rerank", body.dump());
  }

  static inline std::filesystem::path folder_;
  static inline std::unique_ptr<ApiServer> server_;
};

TEST_F(RerankApiTest, RanksTextsAsColbertDoes) {
  // More than are encoded at once.
  std::vector<std::string> texts;
  texts.reserve(20);
  for (int i = 0; i < 20; ++i) texts.push_back("text number " + std::to_string(i * 7));
  const std::string query = "номер 42";
  engine::Embedder embedder({.model = folder_, .threads = 1});
  engine::EmbeddingRequest request{.texts = texts, .outputs = {.dense = false, .colbert = true}};
  request.texts.push_back(query);
  const engine::EmbeddingResult embedded = embedder.embed(request);
  const auto& encoded = embedded.texts;
  std::vector<std::pair<float, std::size_t>> expected;
  expected.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    expected.emplace_back(
        -models::bge_m3::colbert_score(encoded.back().encoding, encoded[i].encoding), i);
  }
  std::sort(expected.begin(), expected.end());

  const ApiAnswer answer =
      post({{"query", query}, {"documents", texts}, {"top_n", 5}, {"return_documents", true}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json results = answer.parsed().at("results");
  ASSERT_EQ(results.size(), 5u);
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].at("index"), expected[i].second);
    EXPECT_NEAR(results[i].at("relevance_score").get<float>(), -expected[i].first, 1e-5f);
    EXPECT_EQ(results[i].at("document").at("text"), texts[expected[i].second]);
  }
  EXPECT_EQ(answer.parsed().at("usage").at("total_tokens"), embedded.stats.tokens);
  json objects = json::array();
  for (const std::string& text : texts) objects.push_back({{"text", text}});
  const json all = post({{"query", query}, {"documents", objects}}).parsed();
  ASSERT_EQ(all.at("results").size(), texts.size()) << all;
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(all.at("results")[i].at("relevance_score"), results[i].at("relevance_score"));
  }
  EXPECT_FALSE(all.at("results")[0].contains("document"));
}

TEST_F(RerankApiTest, AModelWithoutColbertIsNamedInWordsOfUsers) {
  const std::filesystem::path plain =
      std::filesystem::path(OKO_SOURCE_DIR) / "demo/models/e5-small-ru-en";
  const auto server = make_test_server({plain.string()});
  const json ranking{{"query", "a"}, {"documents", {"b"}}},
      vectors{{"input", "a"}, {"outputs", {"sparse"}}};
  for (const auto& [path, body, kind] : {std::tuple("/v1/rerank", ranking, "colbert"),
                                         std::tuple("/v1/embeddings", vectors, "sparse")}) {
    const ApiAnswer answer = ask(server->port(), "POST", path, body.dump());
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_EQ(answer.parsed().at("error").at("message"),
              std::string("e5-small-ru-en makes no vectors of the kind ") + kind +
                  "; BGE-M3 does: oko pull bge-m3");
  }
}

TEST_F(RerankApiTest, WithoutANameTheFirstModelThatCanIsTaken) {
  const std::filesystem::path plain =
      std::filesystem::path(OKO_SOURCE_DIR) / "demo/models/e5-small-ru-en";
  const auto server = make_test_server({plain.string(), folder_.string()});
  const json ranking{{"query", "a"}, {"documents", {"b"}}}, dense{{"input", "a"}},
      sparse{{"input", "a"}, {"outputs", {"sparse"}}};
  for (const auto& [path, body, model] :
       {std::tuple("/v1/rerank", ranking, folder_), std::tuple("/v1/embeddings", sparse, folder_),
        std::tuple("/v1/embeddings", dense, plain)}) {
    const ApiAnswer answer = ask(server->port(), "POST", path, body.dump());
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.parsed().at("model"), model.filename().string());
  }
}

TEST_F(RerankApiTest, SaysWhatIsWrong) {
  const struct {
    json body;
    int status;
    const char* names;
  } kCases[] = {
      {{{"documents", {"a"}}}, 400, "query"},
      {{{"query", "a"}}, 400, "documents"},
      {{{"query", "a"}, {"documents", json::array()}}, 400, "documents"},
      {{{"query", "a"}, {"documents", {1}}}, 400, "documents[0]"},
      {{{"query", "a"}, {"documents", {"a"}}, {"top_n", 0}}, 400, "top_n"},
      {{{"query", "a"}, {"documents", std::vector<std::string>(2049, "a")}}, 413, "2048"},
  };
  for (const auto& [body, status, names] : kCases) {
    const ApiAnswer answer = post(body);
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_NE(answer.body.find(names), std::string::npos) << answer.body;
  }
}

}  // namespace
}  // namespace oko::server
