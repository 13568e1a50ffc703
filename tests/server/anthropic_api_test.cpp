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

  /// A question that the model must answer by a call; its arguments come to an end.
  static json tool_question() {
    return json::parse(R"({"model":"tiny-vl","max_tokens":300,
      "messages":[{"role":"user","content":"Погода?"}],
      "tool_choice":{"type":"any","disable_parallel_tool_use":true},
      "tools":[{"name":"get_weather","description":"Погода","cache_control":{"type":"ephemeral"},
        "input_schema":{"type":"object","required":["city","days"],"additionalProperties":false,
          "properties":{"city":{"enum":["Москва","Oslo"]},"days":{"enum":[1,2]}}}},
       {"type":"custom","name":"get_time","input_schema":{"type":"object","required":["zone"],
          "properties":{"zone":{"const":"UTC"}},"additionalProperties":false}}]})");
  }
  static std::vector<json> events_of(const std::string& stream) {
    std::vector<json> events;
    for (std::size_t at = stream.find("event: "); at != std::string::npos;
         at = stream.find("event: ", at + 1)) {
      const std::size_t data = stream.find("\ndata: ", at) + 7;
      events.push_back(json::parse(stream.substr(data, stream.find("\n\n", data) - data)));
      EXPECT_EQ(events.back().at("type"), stream.substr(at + 7, data - 7 - at - 7));
    }
    return events;
  }
  static int tokens_of(const json& body) {
    return post(body, "/v1/messages/count_tokens").parsed().at("input_tokens");
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
  const std::vector<json> events = events_of(post(body).body);
  ASSERT_GE(events.size(), 7u);
  EXPECT_EQ(events[0].at("type"), "message_start");
  EXPECT_TRUE(events[0].at("message").at("content").empty());
  EXPECT_EQ(events[1].at("type"), "ping");
  EXPECT_EQ(events[2].at("type"), "content_block_start");
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

TEST_F(AnthropicApiTest, CallsTools) {
  json body = tool_question();
  const json message = post(body).parsed();
  EXPECT_EQ(message.at("stop_reason"), "tool_use") << message;
  ASSERT_EQ(message.at("content").size(), 1u) << message;
  const json call = message.at("content").at(0);
  EXPECT_EQ(call.at("type"), "tool_use");
  EXPECT_TRUE(call.at("id").get<std::string>().starts_with("toolu_"));
  EXPECT_TRUE(call.at("name") == "get_weather" || call.at("name") == "get_time") << call;
  EXPECT_TRUE(call.at("input").is_object());
  body["tool_choice"] = {{"type", "tool"}, {"name", "get_time"}};
  const json named = post(body).parsed().at("content");
  ASSERT_EQ(named.size(), 1u) << named;
  EXPECT_EQ(named.at(0).at("name"), "get_time");
  EXPECT_EQ(named.at(0).at("input"), json::parse(R"({"zone":"UTC"})"));
  body["max_tokens"] = 4;  // less than a call
  const json cut = post(body).parsed();
  EXPECT_EQ(cut.at("stop_reason"), "max_tokens");
  EXPECT_EQ(cut.at("content").at(0).at("type"), "text");
  body["tool_choice"] = {{"type", "none"}};
  EXPECT_EQ(post(body).parsed().at("content").at(0).at("type"), "text");
}

TEST_F(AnthropicApiTest, StreamsCallsInParts) {
  json body = tool_question();
  const json whole = post(body).parsed();
  body["stream"] = true;
  std::string input, reason;
  json block;
  int parts = 0;
  for (const json& event : events_of(post(body).body)) {
    if (event.at("type") == "content_block_start") {
      EXPECT_TRUE(block.is_null()) << event;
      block = event.at("content_block");
      EXPECT_EQ(block.at("input"), json::object());
    }
    if (event.at("type") == "content_block_delta") {
      EXPECT_EQ(event.at("index"), 0);
      EXPECT_EQ(event.at("delta").at("type"), "input_json_delta");
      input += event.at("delta").at("partial_json").get<std::string>();
      ++parts;
    }
    if (event.at("type") == "message_delta") reason = event.at("delta").at("stop_reason");
  }
  EXPECT_EQ(block.at("type"), "tool_use");
  EXPECT_EQ(block.at("name"), whole.at("content").at(0).at("name"));
  EXPECT_EQ(json::parse(input), whole.at("content").at(0).at("input"));
  EXPECT_EQ(reason, "tool_use");
  EXPECT_GT(parts, 1);
}

TEST_F(AnthropicApiTest, ReadsCallsAndResultsOfEarlierTurns) {
  json body = tool_question();
  body["tool_choice"] = {{"type", "auto"}};
  body["max_tokens"] = 2;
  const int asked = tokens_of(body);
  body["messages"].push_back(json::parse(R"({"role":"assistant","content":[
    {"type":"thinking","thinking":"hm","signature":"x"},{"type":"text","text":"Let me look."},
    {"type":"tool_use","id":"toolu_1","name":"get_weather","input":{"city":"Oslo","days":1}}]})"));
  const int called = tokens_of(body);
  EXPECT_GT(called, asked);
  body["messages"].push_back(json::parse(R"({"role":"user","content":[
    {"type":"tool_result","tool_use_id":"toolu_1","content":"snow"}]})"));
  const int told = tokens_of(body);
  EXPECT_GT(told, called);
  const json answer = post(body).parsed();
  EXPECT_EQ(answer.at("usage").at("input_tokens").get<int>() +
                answer.at("usage").at("cache_read_input_tokens").get<int>(),
            told)
      << answer;
  // A picture that a tool gives, and what the user says next.
  json& content = body["messages"].back()["content"];
  content[0]["is_error"] = false;
  content[0]["content"] = {{{"type", "text"}, {"text", "snow"}},
                           question().at("messages")[0].at("content")[0]};
  EXPECT_GT(tokens_of(body), told + 20);
  content.push_back({{"type", "text"}, {"text", "And then?"}});
  EXPECT_EQ(post(body).status, 200);
  content[0].erase("content");
  EXPECT_LT(tokens_of(body), told + 20);
}

TEST_F(AnthropicApiTest, AnswersByASchema) {
  json body = question();
  body["max_tokens"] = 200;
  body["output_config"] = json::parse(R"({"format":{"type":"json_schema","schema":{"type":"object",
    "required":["count"],"properties":{"count":{"enum":[2,4]}},"additionalProperties":false}}})");
  const json answer = post(body).parsed();
  const json found = json::parse(answer.at("content").at(0).at("text").get<std::string>());
  EXPECT_TRUE(found.at("count") == 2 || found.at("count") == 4) << found;
}

TEST_F(AnthropicApiTest, AnAnswerIsACallOrHasTheFormat) {
  json body = tool_question();
  body["output_config"] = json::parse(R"({"format":{"type":"json_schema","schema":{"type":"object",
    "required":["цвет"],"properties":{"цвет":{"enum":["red","зелёный"]}},
    "additionalProperties":false}}})");
  EXPECT_EQ(post(body).parsed().at("content").at(0).at("type"), "tool_use");
  for (const char* choice : {"none", "auto"}) {
    body["tool_choice"] = {{"type", choice}, {"disable_parallel_tool_use", true}};
    const json block = post(body).parsed().at("content").at(0);
    if (block.at("type") == "tool_use" && std::string(choice) == "auto") continue;
    const json text = json::parse(block.at("text").get<std::string>());
    EXPECT_TRUE(text.at("цвет") == "red" || text.at("цвет") == "зелёный") << block;
  }
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
  json use = question();
  use["messages"][0]["content"][0] = {{"type", "tool_use"}, {"name", "a"}};
  json unnamed = tool_question();
  unnamed["tool_choice"] = {{"type", "tool"}, {"name", "none"}};
  json by_server = tool_question();
  by_server["tools"][0] = {{"type", "web_search_20250305"}, {"name", "web_search"}};
  const struct {
    json body;
    int status;
    const char* type;
    const char* names;
  } kCases[] = {
      {without_limit, 400, "invalid_request_error", "max_tokens"},
      {with("messages", json::array()), 400, "invalid_request_error", "messages"},
      {with("model", "none"), 404, "not_found_error", "oko pull qwen3-vl-4b"},
      {with("tools", json::parse(R"([{"name":"a"}])")), 400, "invalid_request_error",
       "tools[0].input_schema"},
      {with("tool_choice", {{"type", "any"}}), 400, "invalid_request_error", "tool_choice"},
      {unnamed, 400, "invalid_request_error", "none"},
      {by_server, 400, "invalid_request_error", "tools[0].type"},
      {with("mcp_servers", {{{"name", "a"}}}), 400, "invalid_request_error", "mcp_servers"},
      {use, 400, "invalid_request_error", "messages[0].content[0].type"},
      {with("thinking", {{"type", "enabled"}}), 400, "invalid_request_error", "thinking"},
      {with("stop_sequences", "a"), 400, "invalid_request_error", "stop_sequences"},
      {with("system", 1), 400, "invalid_request_error", "system"},
      {by_address, 400, "invalid_request_error", "messages[0].content[0].source"},
      {tool, 400, "invalid_request_error", "messages[0].content[0].tool_use_id"},
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
