#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/model_host.h"
#include "server/api_server.h"
#include "tests/server/api_client.h"

namespace oko::server {
namespace {

using nlohmann::json;

class CompletionsApiTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::filesystem::path demo = std::filesystem::path(OKO_SOURCE_DIR) / "demo";
    server_ = std::make_unique<ApiServer>(ApiServerOptions{
        .http = {},
        .access = {},
        .models = {.host = std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1}),
                   .models = {(demo / "models/tiny-vl").string()},
                   .align = [](const auto&) {},
                   .idle_timeout = std::chrono::hours(1)},
        .version = "test",
        .log = {}});
  }
  static void TearDownTestSuite() { server_.reset(); }

  static ApiAnswer post(const std::string& path, json body) {
    body["model"] = "tiny-vl";
    return ask(server_->port(), "POST", path, body.dump());
  }
  static json loaded() { return ask(server_->port(), "GET", "/api/ps").parsed().at("models"); }

  static inline std::unique_ptr<ApiServer> server_;
};

TEST_F(CompletionsApiTest, AnswersAPromptAsAMessage) {
  const json message = {{"role", "user"}, {"content", "Describe."}};
  const std::string expected =
      post("/v1/chat/completions", {{"messages", {message}}, {"max_tokens", 8}})
          .parsed()["choices"][0]["message"]["content"];
  const json body = {{"prompt", "Describe."}, {"max_tokens", 8}};
  const json object = post("/v1/completions", body).parsed();
  EXPECT_EQ(object.at("object"), "text_completion");
  EXPECT_EQ(object.at("choices")[0].at("text"), expected);
  EXPECT_GT(object.at("usage").at("prompt_tokens"), 0);

  json streamed = body;
  streamed["stream"] = true;
  const std::string stream = post("/v1/completions", streamed).body;
  std::string text;
  for (std::size_t at = stream.find("data: {"); at != std::string::npos;
       at = stream.find("data: {", at + 1)) {
    const json piece = json::parse(stream.substr(at + 6, stream.find("\n\n", at) - at - 6));
    text += piece.at("choices")[0].at("text").get<std::string>();
  }
  EXPECT_EQ(text, expected);
  EXPECT_NE(stream.find("data: [DONE]"), std::string::npos);
}

TEST_F(CompletionsApiTest, RefusesWhatItCannotDo) {
  for (const auto& [name, value] : {std::pair<const char*, json>{"prompt", {1, 2}},
                                    {"prompt", {"a", "b"}},
                                    {"n", 2},
                                    {"suffix", "a"},
                                    {"echo", true},
                                    {"logprobs", 1},
                                    {"best_of", 2}}) {
    json body = {{"prompt", "a"}};
    body[name] = value;
    const ApiAnswer answer = post("/v1/completions", body);
    EXPECT_EQ(answer.status, 400) << name;
    EXPECT_NE(answer.body.find(name), std::string::npos) << answer.body;
  }
}

/// Codex and others shorten the conversation then; any other status they would try again.
TEST_F(CompletionsApiTest, APromptBeyondTheContextIsNamedAsClientsKnowIt) {
  const std::string text(20'000, '.');
  const json message = {{"role", "user"}, {"content", text}};
  for (const bool is_streamed : {false, true}) {
    const json stream{{"stream", is_streamed}};
    const auto refusal = [&](const char* path, json body) {
      body.update(stream);
      const ApiAnswer answer = post(path, body);
      EXPECT_EQ(answer.status, 400) << path << answer.body;
      EXPECT_NE(answer.body.find("prompt is too long"), std::string::npos) << answer.body;
      return answer.parsed().at("error");
    };
    for (const json& error : {refusal("/v1/chat/completions", {{"messages", {message}}}),
                              refusal("/v1/completions", {{"prompt", text}}),
                              refusal("/v1/responses", {{"input", text}})}) {
      EXPECT_EQ(error.at("code"), "context_length_exceeded");
      EXPECT_EQ(error.at("type"), "invalid_request_error");
    }
    EXPECT_EQ(refusal("/v1/messages", {{"messages", {message}}, {"max_tokens", 1}}).at("type"),
              "invalid_request_error");
    refusal("/api/chat", {{"messages", {message}}});
    refusal("/api/generate", {{"prompt", text}});
  }
}

TEST_F(CompletionsApiTest, UnloadsWhenOllamasClientsAskForIt) {
  post("/v1/completions", {{"prompt", "a"}, {"max_tokens", 1}});
  const json models = loaded();
  ASSERT_EQ(models.size(), 1u) << models;
  EXPECT_EQ(models[0].at("expires_at").get<std::string>().size(), 20u);
  const json unload = post("/api/generate", {{"keep_alive", 0}}).parsed();
  EXPECT_EQ(unload.at("done_reason"), "unload");
  EXPECT_TRUE(loaded().empty());

  const json message = {{"role", "user"}, {"content", "a"}};
  json chat = {{"messages", {message}}, {"stream", false}, {"options", {{"num_predict", 1}}}};
  for (const char* time : {"5m", "1h30m", "300ms", "-1", "10", "1.5h"}) {
    chat["keep_alive"] = time;
    EXPECT_EQ(post("/api/chat", chat).status, 200) << time;
  }
  for (const json& time :
       {json("soon"), json("5"), json("5x"), json(""), json("m"), json(true), json("1h30")}) {
    chat["keep_alive"] = time;
    EXPECT_EQ(post("/api/chat", chat).status, time == "5" ? 200 : 400) << time;
  }
  chat["keep_alive"] = 0;
  EXPECT_EQ(post("/api/chat", chat).status, 200);
  while (!loaded().empty()) {  // soon
  }
}

}  // namespace
}  // namespace oko::server
