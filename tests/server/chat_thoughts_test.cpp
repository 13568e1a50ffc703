// A model that thinks: its thoughts in each protocol, and formats and calls behind them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/server/chat_client.h"
#include "tests/support/random_models.h"
#include "text/tokenizer.h"

namespace oko::server {
namespace {

using nlohmann::json;

class ChatThoughtsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto& folder = RandomModels::get("qwen3-vl-small-4bit", 5);
    std::ofstream(folder / "chat_template.jinja") << "<|im_start|>assistant\n<think>\n";
    model_ = folder.filename();
    const auto tokenizer = text::Tokenizer::load(folder);
    const auto id_of = [&](const char* token) {
      return std::to_string(*tokenizer.special_token(token));
    };
    end_ = id_of("<|im_end|>");
    end_think_ = id_of("</think>");
    call_ = id_of("<tool_call>");
    letter_ = std::to_string(tokenizer.encode("q").front());
    server_ = std::make_unique<ChatServer>(std::vector<std::string>{
        folder, std::filesystem::path(OKO_SOURCE_DIR) / "demo/models/tiny-vl"});
  }
  static void TearDownTestSuite() { server_.reset(); }

  /// Thoughts of some tokens, and an answer of JSON.
  static json request(const std::string& question, const json& fields) {
    json body{{"model", model_},
              {"max_tokens", 300},
              {"temperature", 1},
              {"messages", {{{"role", "user"}, {"content", question}}}}};
    body.update(fields);
    return body;
  }
  static json ask(const std::string& path, const json& body, int status = 200) {
    const HttpAnswer answer = server_->post(path, body);
    EXPECT_EQ(answer.status, status) << answer.body;
    return answer.parsed();
  }
  static json format() {
    const json schema{{"type", "object"},
                      {"properties", {{"цвет", {{"enum", {"red", "зелёный"}}}}}},
                      {"required", {"цвет"}}};
    return {{"type", "json_schema"}, {"json_schema", {{"name", "a"}, {"schema", schema}}}};
  }
  static json tools() {
    return json::parse(R"([{"type":"function","function":{"name":"get_time","parameters":
      {"type":"object","properties":{"zone":{"const":"UTC"}},"required":["zone"]}}}])");
  }

  static inline std::string model_, end_, end_think_, call_, letter_;
  static inline std::unique_ptr<ChatServer> server_;
};

TEST_F(ChatThoughtsTest, TheFormatBeginsBehindTheThoughts) {
  for (const char* question : {"Which colour?", "Какой цвет?"}) {
    int thought = 0;
    for (int seed = 1; seed <= 8; ++seed) {
      const json choice =
          ask("/v1/chat/completions", request(question, {{"response_format", format()},
                                                         {"seed", seed},
                                                         {"logit_bias", {{end_think_, 5}}}}))
              .at("choices")
              .at(0);
      EXPECT_EQ(choice.at("finish_reason"), "stop");
      const json content =
          json::parse(choice.at("message").at("content").get<std::string>(), nullptr, false);
      EXPECT_TRUE(content.is_object() && content.contains("цвет")) << choice;
      thought += choice.at("message").contains("reasoning_content") ? 1 : 0;
    }
    EXPECT_GT(thought, 0);
  }
}

TEST_F(ChatThoughtsTest, TheLimitEndsThoughtsThatHaveNoOtherEnd) {
  for (const json& form : {json{{"response_format", format()}},
                           json{{"tools", tools()}, {"tool_choice", "required"}}}) {
    for (const char* question : {"Which colour?", "Какой цвет?"}) {
      json fields = form;
      fields.update({{"max_tokens", 12},
                     {"n", 2},
                     {"logit_bias", {{end_think_, -100}, {end_, 100}, {call_, 100}}}});
      const json answer = ask("/v1/chat/completions", request(question, fields));
      const json& choice = answer.at("choices").at(0);
      EXPECT_EQ(choice.at("finish_reason"), "length");
      EXPECT_EQ(choice.at("message").at("content"), "");
      EXPECT_FALSE(choice.at("message").contains("tool_calls"));
      EXPECT_NE(choice.at("message").value("reasoning_content", ""), "");
      EXPECT_EQ(answer.at("usage").at("completion_tokens"), 24) << "of two answers";
      EXPECT_EQ(answer.at("/usage/completion_tokens_details/reasoning_tokens"_json_pointer), 24);
    }
  }
}

TEST_F(ChatThoughtsTest, TheFormBeginsWhenThoughtsLoop) {
  for (const json& form :
       {json{{"response_format", format()}},
        json{{"tools", tools()}, {"tool_choice", "required"}, {"parallel_tool_calls", false}}}) {
    for (const char* question : {"Which colour?", "Какой цвет?"}) {
      json fields = form;
      fields.update({{"max_tokens", 2000}, {"logit_bias", {{letter_, 100}, {end_think_, -100}}}});
      const json answer = ask("/v1/chat/completions", request(question, fields));
      const json& choice = answer.at("choices").at(0);
      EXPECT_NE(choice.at("message").value("reasoning_content", "").find("qqqqqq"),
                std::string::npos)
          << answer;
      if (form.contains("tools")) {
        EXPECT_EQ(choice.at("finish_reason"), "tool_calls");
      } else {
        EXPECT_EQ(choice.at("finish_reason"), "stop");
        EXPECT_TRUE(json::accept(choice.at("message").at("content").get<std::string>()));
      }
      EXPECT_LT(answer.at("/usage/completion_tokens_details/reasoning_tokens"_json_pointer), 100);
    }
  }
}

TEST_F(ChatThoughtsTest, AForcedCallComesBehindTheThoughts) {
  for (int seed = 1; seed <= 4; ++seed) {
    const json choice = ask("/v1/chat/completions",
                            request("What time is it?", {{"tools", tools()},
                                                         {"tool_choice", "required"},
                                                         {"parallel_tool_calls", false},
                                                         {"seed", seed},
                                                         {"logit_bias", {{end_think_, 5}}}}))
                            .at("choices")
                            .at(0);
    EXPECT_EQ(choice.at("finish_reason"), "tool_calls");
    EXPECT_TRUE(choice.at("message").at("content").is_null());
    EXPECT_EQ(choice.at("/message/tool_calls/0/function/arguments"_json_pointer),
              R"({"zone": "UTC"})");
  }
}

TEST_F(ChatThoughtsTest, StreamsThoughtsBeforeTheAnswer) {
  json body =
      request("Какой цвет?",
              {{"response_format", format()}, {"seed", 2}, {"logit_bias", {{end_think_, 4}}}});
  const json message = ask("/v1/chat/completions", body).at("choices").at(0).at("message");
  body["stream"] = true;
  std::string thoughts, text;
  for (const json& event : events_of_stream(server_->post("/v1/chat/completions", body).body)) {
    const json& delta = event.at("choices").at(0).at("delta");
    EXPECT_TRUE(text.empty() || !delta.contains("reasoning_content"));
    thoughts += delta.value("reasoning_content", "");
    text += delta.value("content", "");
  }
  EXPECT_EQ(message.at("content"), text);
  EXPECT_EQ(message.at("reasoning_content"), thoughts);
}

TEST_F(ChatThoughtsTest, OllamaGivesThoughtsUnlessTheyAreNotWanted) {
  const json options{{"num_predict", 12}};
  for (const char* path : {"/api/chat", "/api/generate"}) {
    json body = request("Который час?", {{"options", options}, {"stream", false}});
    body["prompt"] = "Который час?";
    const auto thoughts_of = [&](const json& answer) {
      return (answer.contains("message") ? answer.at("message") : answer).value("thinking", "");
    };
    EXPECT_NE(thoughts_of(ask(path, body)), "");
    body["stream"] = true;
    EXPECT_NE(server_->post(path, body).body.find("\"thinking\""), std::string::npos);
    body["think"] = false;
    EXPECT_EQ(server_->post(path, body).body.find("\"thinking\""), std::string::npos);
    body["stream"] = false;
    EXPECT_EQ(thoughts_of(ask(path, body)), "");
    for (const json& think : {json(true), json("low"), json("medium"), json("high")}) {
      body["think"] = think;
      EXPECT_NE(thoughts_of(ask(path, body)), "");
    }
    body["think"] = "hard";
    EXPECT_NE(ask(path, body, 400).dump().find("think must be"), std::string::npos);
    body["think"] = "high";
    body["model"] = "tiny-vl";
    EXPECT_NE(ask(path, body, 400).dump().find("tiny-vl does not think"), std::string::npos);
  }
  EXPECT_EQ(ask("/api/show", {{"model", model_}}).at("capabilities"),
            json({"completion", "vision", "tools", "thinking"}));
}

TEST_F(ChatThoughtsTest, AnthropicGivesThoughtsThatAreWanted) {
  json body = request("Who is there?", {{"max_tokens", 12}});
  json content = ask("/v1/messages", body).at("content");
  ASSERT_EQ(content.size(), 1u);
  EXPECT_EQ(content.at(0).at("type"), "text");
  body["stream"] = true;
  EXPECT_EQ(server_->post("/v1/messages", body).body.find("thinking"), std::string::npos);
  body["stream"] = false;
  body["thinking"] = {{"type", "adaptive"}};
  EXPECT_EQ(ask("/v1/messages", body).at("content").at(0).at("type"), "thinking");
  body["thinking"] = {{"type", "enabled"}, {"budget_tokens", 1024}};
  content = ask("/v1/messages", body).at("content");
  EXPECT_EQ(content.at(0).at("type"), "thinking");
  const std::string thoughts = content.at(0).at("thinking");
  EXPECT_NE(thoughts, "");
  body["stream"] = true;
  std::string streamed;
  for (const json& event : events_of_stream(server_->post("/v1/messages", body).body)) {
    if (event.at("type") == "content_block_delta") {
      streamed += event.at("delta").value("thinking", "");
    }
  }
  EXPECT_EQ(streamed, thoughts);
  body["stream"] = false;
  body["model"] = "tiny-vl";
  EXPECT_NE(ask("/v1/messages", body, 400).dump().find("tiny-vl does not think"),
            std::string::npos);
  body["thinking"] = {{"type", "adaptive"}};
  ask("/v1/messages", body);
}

TEST_F(ChatThoughtsTest, ResponsesCountThoughts) {
  const json answer = ask("/v1/responses", {{"model", model_},
                                            {"input", "Который час?"},
                                            {"max_output_tokens", 12},
                                            {"logit_bias", {{end_think_, -100}}}});
  EXPECT_EQ(answer.at("/usage/output_tokens_details/reasoning_tokens"_json_pointer), 12) << answer;
}

}  // namespace
}  // namespace oko::server
