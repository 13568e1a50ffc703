// "response_format" and "format": answers that are JSON, and requests that ask for it wrongly.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "server/raw_json.h"
#include "tests/server/chat_client.h"

namespace oko::server {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

class ChatFormatTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<ChatServer>(
        std::vector<std::string>{std::filesystem::path(OKO_SOURCE_DIR) / "demo/models/tiny-vl"});
  }
  static void TearDownTestSuite() { server_.reset(); }

  static ordered_json question() {
    return {{"model", "tiny-vl"},
            {"max_tokens", 400},
            {"messages", {{{"role", "user"}, {"content", "Describe a heart."}}}}};
  }
  static HttpAnswer ask(const ordered_json& format) {
    ordered_json body = question();
    body["response_format"] = format;
    return server_->post("/v1/chat/completions", body.dump());
  }
  static ordered_json schema_format(const ordered_json& schema) {
    return {{"type", "json_schema"}, {"json_schema", {{"name", "a"}, {"schema", schema}}}};
  }

  static inline std::unique_ptr<ChatServer> server_;
};

constexpr const char* kContent = "/choices/0/message/content";

TEST_F(ChatFormatTest, AnswersAreValidAndInTheOrderOfTheSchema) {
  const ordered_json schema{
      {"type", "object"},
      {"properties", {{"цвет", {{"enum", {"red", "зелёный"}}}}, {"count", {{"type", "boolean"}}}}},
      {"required", {"цвет", "count"}}};
  const HttpAnswer answer = ask(schema_format(schema));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json choice = answer.parsed().at("choices").at(0);
  EXPECT_EQ(choice.at("finish_reason"), "stop");
  const auto content = ordered_json::parse(choice.at("message").at("content").get<std::string>());
  ASSERT_EQ(content.size(), 2u);
  EXPECT_EQ(content.begin().key(), "цвет");
  EXPECT_TRUE(content.at("count").is_boolean());
}

TEST_F(ChatFormatTest, StreamsTheSameText) {
  ordered_json body = question();
  body["response_format"] = schema_format({{"const", {{"a", {1, 2}}}}});
  const std::string whole =
      server_->post("/v1/chat/completions", body.dump()).parsed().at(json::json_pointer(kContent));
  EXPECT_EQ(json::parse(whole), json::parse(R"({"a":[1,2]})"));
  body["stream"] = true;
  std::string text;
  for (const json& event :
       events_of_stream(server_->post("/v1/chat/completions", body.dump()).body)) {
    text += event.at("choices").at(0).at("delta").value("content", "");
  }
  EXPECT_EQ(text, whole);
}

TEST_F(ChatFormatTest, AnObjectOfJsonIsOne) {
  ordered_json body = question();
  body["response_format"] = {{"type", "json_object"}};
  body["max_tokens"] = 1;
  const std::string text =
      server_->post("/v1/chat/completions", body.dump()).parsed().at(json::json_pointer(kContent));
  EXPECT_EQ(text.find_first_not_of(" \n{"), std::string::npos) << text;
  EXPECT_EQ(ask({{"type", "text"}}).parsed().at(json::json_pointer(kContent)),
            server_->post("/v1/chat/completions", question().dump())
                .parsed()
                .at(json::json_pointer(kContent)));
}

TEST_F(ChatFormatTest, OllamaTakesASchemaOrTheWordJson) {
  ordered_json body = question();
  body["stream"] = false;
  body["format"] = {{"type", "array"}, {"items", {{"const", 7}}}, {"minItems", 2}, {"maxItems", 2}};
  const HttpAnswer answer = server_->post("/api/chat", body.dump());
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(json::parse(answer.parsed().at("message").at("content").get<std::string>()),
            json({7, 7}));
  body = {{"model", "tiny-vl"},
          {"prompt", "A heart?"},
          {"stream", false},
          {"format", "json"},
          {"options", {{"num_predict", 1}}}};
  const std::string text = server_->post("/api/generate", body.dump()).parsed().at("response");
  EXPECT_EQ(text.find_first_not_of(" \n{"), std::string::npos) << text;
  body["format"] = "yaml";
  EXPECT_EQ(server_->post("/api/generate", body.dump()).status, 400);
}

TEST_F(ChatFormatTest, RefusesFormatsByName) {
  const HttpAnswer unknown = ask({{"type", "grammar"}});
  EXPECT_EQ(unknown.status, 400);
  EXPECT_NE(unknown.body.find("response_format.type must be"), std::string::npos) << unknown.body;
  const HttpAnswer ignored = ask(schema_format({{"not", {{"type", "string"}}}}));
  EXPECT_EQ(ignored.status, 400);
  EXPECT_NE(ignored.body.find("response_format.json_schema.schema: not is not supported"),
            std::string::npos)
      << ignored.body;
  EXPECT_NE(ask({{"type", "json_schema"}}).body.find("response_format.json_schema is missing"),
            std::string::npos);
}

TEST(RawJsonTest, FindsPartsAsTheyWereWritten) {
  const std::string_view body =
      R"( {"a" : {"z":1,"b":[ "x,]}\"" , {"c": null} ,-1.5e3]} , "d":true,"e":"last", "e" : "é"} )";
  EXPECT_EQ(raw_member(body, "d"), "true");
  EXPECT_EQ(raw_member(body, "e"), R"("é")");
  EXPECT_EQ(raw_member(body, "z"), "");
  EXPECT_EQ(raw_member("[1]", "a"), "");
  EXPECT_EQ(raw_member("{}", "a"), "");
  EXPECT_EQ(raw_member("\xEF\xBB\xBF {\"a\":1}", "a"), "1");
  const std::string_view list = raw_member(raw_member(body, "a"), "b");
  EXPECT_EQ(raw_element(list, 0), R"("x,]}\"")");
  EXPECT_EQ(raw_member(raw_element(list, 1), "c"), "null");
  EXPECT_EQ(raw_element(list, 2), "-1.5e3");
  EXPECT_EQ(raw_element(list, 3), "");
  EXPECT_EQ(raw_element("[]", 0), "");
}

}  // namespace
}  // namespace oko::server
