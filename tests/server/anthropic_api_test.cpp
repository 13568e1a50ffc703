#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/base64.h"
#include "engine/model_host.h"
#include "server/api_server.h"
#include "tests/server/api_client.h"

namespace oko::server {
namespace {

using nlohmann::json;

const std::filesystem::path kDemo = std::filesystem::path(OKO_SOURCE_DIR) / "demo";

class AnthropicApiTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<ApiServer>(ApiServerOptions{
        .http = {},
        .access = {.api_key = "secret"},
        .models = {.host = std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1}),
                   .models = {(kDemo / "models/tiny-vl").string()},
                   .align = [](const auto&) {}},
        .library = {},
        .plan = {},
        .version = "test",
        .log = {}});
  }
  static void TearDownTestSuite() { server_.reset(); }

  static ApiAnswer post(const json& body, const std::string& path = "/v1/messages") {
    return ask(server_->port(), "POST", path, body.dump(), "X-Api-Key: secret\r\n");
  }
  static json question() {
    const json source = {{"type", "base64"},
                         {"media_type", "image/jpeg"},
                         {"data", base64_of(bytes_of(kDemo / "images/hearts.jpg"))}};
    return {{"model", "tiny-vl"},
            {"max_tokens", 50},
            {"messages",
             {{{"role", "user"},
               {"content",
                {{{"type", "image"}, {"source", source}},
                 {{"type", "text"}, {"text", "Describe this image."}}}}}}}};
  }

  static inline std::unique_ptr<ApiServer> server_;
};

TEST_F(AnthropicApiTest, DescribesAPicture) {
  const ApiAnswer answer = post(question());
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json message = answer.parsed();
  EXPECT_EQ(message.at("type"), "message");
  EXPECT_EQ(message.at("role"), "assistant");
  EXPECT_EQ(message.at("content"), json::parse(R"([{"type":"text","text":"Four red hearts."}])"));
  EXPECT_EQ(message.at("stop_reason"), "end_turn");
  EXPECT_TRUE(message.at("stop_sequence").is_null());
  EXPECT_GT(message.at("usage").at("input_tokens"), 0);
  EXPECT_GT(message.at("usage").at("output_tokens"), 0);
}

TEST_F(AnthropicApiTest, EndsAtASequenceAndAtTheLimit) {
  json body = question();
  body["stop_sequences"] = {"blue", " red"};
  const json stopped = post(body).parsed();
  EXPECT_EQ(stopped.at("content")[0].at("text"), "Four");
  EXPECT_EQ(stopped.at("stop_reason"), "stop_sequence");
  EXPECT_EQ(stopped.at("stop_sequence"), " red");
  body.erase("stop_sequences");
  body["max_tokens"] = 2;
  EXPECT_EQ(post(body).parsed().at("stop_reason"), "max_tokens");
}

TEST_F(AnthropicApiTest, StreamsItsEventsInOrder) {
  json body = question();
  body["stream"] = true;
  const std::string stream = post(body).body;
  std::vector<json> events;
  for (std::size_t at = stream.find("event: "); at != std::string::npos;
       at = stream.find("event: ", at + 1)) {
    const std::size_t data = stream.find("\ndata: ", at) + 7;
    events.push_back(json::parse(stream.substr(data, stream.find("\n\n", data) - data)));
    EXPECT_EQ(events.back().at("type"), stream.substr(at + 7, data - 7 - at - 7));
  }
  ASSERT_GE(events.size(), 7u) << stream;
  EXPECT_EQ(events[0].at("type"), "message_start");
  EXPECT_TRUE(events[0].at("message").at("content").empty());
  EXPECT_EQ(events[1].at("type"), "content_block_start");
  EXPECT_EQ(events[2].at("type"), "ping");
  std::string text;
  std::size_t at = 3;
  for (; events[at].at("type") == "content_block_delta"; ++at) {
    text += events[at].at("delta").at("text").get<std::string>();
  }
  EXPECT_EQ(text, "Four red hearts.");
  ASSERT_EQ(events.size(), at + 3);
  EXPECT_EQ(events[at].at("type"), "content_block_stop");
  EXPECT_EQ(events[at + 1].at("type"), "message_delta");
  EXPECT_EQ(events[at + 1].at("delta").at("stop_reason"), "end_turn");
  EXPECT_EQ(events[at + 1].at("usage"), post(question()).parsed().at("usage"));
  EXPECT_EQ(events[at + 2].at("type"), "message_stop");
}

TEST_F(AnthropicApiTest, CountsTheTokensThatItWouldRead) {
  json body = question();
  body["system"] = json::parse(R"([{"type":"text","text":"Be brief."}])");
  const json usage = post(body).parsed().at("usage");
  const json counted = post(body, "/v1/messages/count_tokens").parsed();
  EXPECT_EQ(counted.at("input_tokens").get<int>(),
            usage.at("input_tokens").get<int>() + usage.at("cache_read_input_tokens").get<int>());
  EXPECT_GT(counted.at("input_tokens"),
            post(question(), "/v1/messages/count_tokens").parsed().at("input_tokens"));
}

TEST_F(AnthropicApiTest, TakesDocuments) {
  json body = question();
  body["messages"][0]["content"][0] = json::parse(
      R"({"type":"document","title":"T","source":{"type":"text","media_type":"text/plain",
          "data":"words"}})");
  EXPECT_EQ(post(body).status, 200);
  json& source = body["messages"][0]["content"][0]["source"];
  source = {{"type", "base64"},
            {"media_type", "application/pdf"},
            {"data", base64_of("%PDF-1.7 nothing")}};
  const ApiAnswer damaged = post(body);
  EXPECT_EQ(damaged.status, 400);
  EXPECT_NE(damaged.body.find("messages[0].content[0]"), std::string::npos) << damaged.body;
}

TEST_F(AnthropicApiTest, SaysWhatIsWrongInItsShape) {
  const auto with = [](const char* name, const json& value) {
    json body = question();
    body[name] = value;
    return body;
  };
  json without_limit = question();
  without_limit.erase("max_tokens");
  json by_address = question();
  by_address["messages"][0]["content"][0]["source"] = {{"type", "url"}, {"url", "http://x/a.png"}};
  json tool = question();
  tool["messages"][0]["content"][0] = {{"type", "tool_result"}};
  const struct {
    json body;
    int status;
    const char* type;
    const char* names;
  } kCases[] = {
      {without_limit, 400, "invalid_request_error", "max_tokens"},
      {with("messages", json::array()), 400, "invalid_request_error", "messages"},
      {with("model", "none"), 404, "not_found_error", "oko pull none"},
      {with("tools", {{{"name", "a"}}}), 400, "invalid_request_error", "tools"},
      {with("thinking", {{"type", "enabled"}}), 400, "invalid_request_error", "thinking"},
      {with("stop_sequences", "a"), 400, "invalid_request_error", "stop_sequences"},
      {with("system", 1), 400, "invalid_request_error", "system"},
      {by_address, 400, "invalid_request_error", "messages[0].content[0].source"},
      {tool, 400, "invalid_request_error", "messages[0].content[0].type"},
  };
  for (const auto& [body, status, type, names] : kCases) {
    const ApiAnswer answer = post(body);
    EXPECT_EQ(answer.status, status) << answer.body;
    const json object = answer.parsed();
    EXPECT_EQ(object.at("type"), "error");
    EXPECT_EQ(object.at("error").at("type"), type);
    EXPECT_NE(object.at("error").at("message").get<std::string>().find(names), std::string::npos)
        << answer.body;
    const std::string id = object.at("request_id");
    EXPECT_NE(answer.header.find("\nRequest-Id: " + id + "\r"), std::string::npos);
  }
  const ApiAnswer no_key = ask(server_->port(), "POST", "/v1/messages", question().dump());
  EXPECT_EQ(no_key.status, 401);
  EXPECT_EQ(no_key.parsed().at("error").at("type"), "authentication_error");
}

}  // namespace
}  // namespace oko::server
