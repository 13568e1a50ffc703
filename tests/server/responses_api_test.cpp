#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/base64.h"
#include "tests/server/api_client.h"
#include "tests/server/test_server.h"

namespace oko::server {
namespace {

using nlohmann::json;

const std::filesystem::path kDemo = std::filesystem::path(OKO_SOURCE_DIR) / "demo";

class ResponsesApiTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = make_test_server({(kDemo / "models/tiny-vl").string()});
  }
  static void TearDownTestSuite() { server_.reset(); }

  static ApiAnswer post(const json& body) {
    return ask(server_->port(), "POST", "/v1/responses", body.dump());
  }
  static json question() {
    const std::string uri =
        "data:image/jpeg;base64," + base64_of(bytes_of(kDemo / "images/hearts.jpg"));
    return {{"model", "tiny-vl"},
            {"input",
             {{{"type", "message"},
               {"role", "user"},
               {"content",
                {{{"type", "input_image"}, {"image_url", uri}},
                 {{"type", "input_text"}, {"text", "Describe this image."}}}}}}}};
  }

  static inline std::unique_ptr<ApiServer> server_;
};

TEST_F(ResponsesApiTest, DescribesAPicture) {
  json body = question();
  body["tools"] = json::parse(R"([{"type":"function","name":"shell"},{"type":"web_search"}])");
  const ApiAnswer answer = post(body);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json object = answer.parsed();
  EXPECT_EQ(object.at("object"), "response");
  EXPECT_EQ(object.at("status"), "completed");
  const json& item = object.at("output").at(0);
  EXPECT_EQ(item.at("type"), "message");
  EXPECT_EQ(item.at("content")[0].at("text"), "Four red hearts.");
  EXPECT_EQ(object.at("usage").at("total_tokens").get<int>(),
            object.at("usage").at("input_tokens").get<int>() +
                object.at("usage").at("output_tokens").get<int>());
}

TEST_F(ResponsesApiTest, AnswersAProbeWithoutInput) {
  const json object =
      post({{"model", "tiny-vl"}, {"input", json::array()}, {"max_output_tokens", 1}}).parsed();
  EXPECT_EQ(object.at("max_output_tokens"), 1) << object;
  EXPECT_TRUE(object.at("status") == "incomplete" || object.at("status") == "completed");
}

TEST_F(ResponsesApiTest, StreamsItsEventsInOrder) {
  json body = question();
  body["stream"] = true;
  body["instructions"] = "Be brief.";
  body["max_output_tokens"] = 2;
  const std::string stream = post(body).body;
  std::vector<json> events;
  for (std::size_t at = stream.find("event: "); at != std::string::npos;
       at = stream.find("event: ", at + 1)) {
    const std::size_t data = stream.find("\ndata: ", at) + 7;
    events.push_back(json::parse(stream.substr(data, stream.find("\n\n", data) - data)));
    EXPECT_EQ(events.back().at("sequence_number"), events.size() - 1);
  }
  std::vector<std::string> types;
  std::string text;
  for (const json& event : events) {
    const std::string type = event.at("type");
    if (type == "response.output_text.delta") text += event.at("delta").get<std::string>();
    if (types.empty() || types.back() != type) types.push_back(type);
  }
  EXPECT_EQ(types, (std::vector<std::string>{
                       "response.created", "response.in_progress", "response.output_item.added",
                       "response.content_part.added", "response.output_text.delta",
                       "response.output_text.done", "response.content_part.done",
                       "response.output_item.done", "response.incomplete"}))
      << stream;
  const json& last = events.back().at("response");
  EXPECT_EQ(last.at("output")[0].at("content")[0].at("text"), text);
  EXPECT_EQ(last.at("incomplete_details").at("reason"), "max_output_tokens");
  EXPECT_EQ(last.at("instructions"), "Be brief.");
}

TEST_F(ResponsesApiTest, SaysWhatIsWrong) {
  const auto with = [](const char* name, const json& value) {
    json body = question();
    body[name] = value;
    return body;
  };
  const struct {
    json body;
    const char* names;
  } kCases[] = {
      {{{"model", "tiny-vl"}}, "input"},
      {with("previous_response_id", "resp_1"), "input"},
      {with("tool_choice", "required"), "tool_choice"},
      {with("background", true), "background"},
      {with("input", {{{"type", "function_call_output"}}}), "input[0].type"},
      {with("input", {{{"role", "tool"}, {"content", "a"}}}), "input[0].role"},
      {with("max_output_tokens", 0), "max_output_tokens"},
      {with("text", {{"format", {{"type", "xml"}}}}), "text.format"},
  };
  for (const auto& [body, names] : kCases) {
    const ApiAnswer answer = post(body);
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_NE(answer.parsed().at("error").at("message").get<std::string>().find(names),
              std::string::npos)
        << answer.body;
  }
}

}  // namespace
}  // namespace oko::server
