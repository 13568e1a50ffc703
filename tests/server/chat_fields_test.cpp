// How tokens are chosen, what is told of them, and several answers at once.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/server/chat_client.h"

namespace oko::server {
namespace {

using nlohmann::json;

class ChatFieldsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<ChatServer>(
        std::vector<std::string>{std::filesystem::path(OKO_SOURCE_DIR) / "demo/models/tiny-vl"});
  }
  static void TearDownTestSuite() { server_.reset(); }

  static json ask(const json& fields, int status = 200) {
    json body{{"model", "tiny-vl"},
              {"max_tokens", 8},
              {"messages", {{{"role", "user"}, {"content", "Describe a heart."}}}}};
    body.update(fields);
    const HttpAnswer answer = server_->post("/v1/chat/completions", body);
    EXPECT_EQ(answer.status, status) << fields << answer.body;
    if (body.contains("stream")) return events_of_stream(answer.body);
    return answer.parsed();
  }
  static std::string text_of(const json& answer, std::size_t choice = 0) {
    return answer.at("choices").at(choice).at("message").at("content");
  }

  static inline std::unique_ptr<ChatServer> server_;
};

TEST_F(ChatFieldsTest, LogprobsAreThoseOfTheTokensAndOfTheLikeliest) {
  const json answer = ask({{"logprobs", true}, {"top_logprobs", 3}});
  const json tokens = answer.at("choices").at(0).at("logprobs").at("content");
  std::string text;
  for (const json& token : tokens) {
    for (const int byte : token.at("bytes")) text += static_cast<char>(byte);
    ASSERT_EQ(token.at("top_logprobs").size(), 3u);
    // The answer has the most likely tokens.
    EXPECT_EQ(token.at("top_logprobs").at(0).at("bytes"), token.at("bytes"));
    EXPECT_EQ(token.at("top_logprobs").at(0).at("logprob"), token.at("logprob"));
    double total = 0, last = 0;
    for (const json& other : token.at("top_logprobs")) {
      EXPECT_LE(other.at("logprob").get<double>(), last);
      last = other.at("logprob");
      total += std::exp(last);
    }
    EXPECT_LE(total, 1.0001);
    EXPECT_GT(total, 0.01);
  }
  EXPECT_EQ(text, text_of(answer));
  EXPECT_TRUE(ask(json::object()).at("choices").at(0).at("logprobs").is_null());
  EXPECT_EQ(ask({{"logprobs", true}})
                .at("choices")
                .at(0)
                .at("logprobs")
                .at("content")
                .at(0)
                .at("top_logprobs"),
            json::array());
}

TEST_F(ChatFieldsTest, StreamsTheSameLogprobs) {
  const json whole = ask({{"logprobs", true}, {"top_logprobs", 2}});
  json streamed = json::array();
  for (const json& event : ask({{"logprobs", true}, {"top_logprobs", 2}, {"stream", true}})) {
    const json& choice = event.at("choices").at(0);
    if (!choice.contains("logprobs")) continue;
    for (const json& token : choice.at("logprobs").at("content")) streamed.push_back(token);
  }
  EXPECT_EQ(streamed, whole.at("choices").at(0).at("logprobs").at("content"));
}

TEST_F(ChatFieldsTest, BiasAndPenaltiesChangeTheAnswer) {
  const json likely = ask({{"logprobs", true}, {"max_tokens", 1}});
  const std::string first = text_of(likely);
  // Every other token is left out.
  json bias = json::object();
  for (int id = 0; id < 900; ++id) bias[std::to_string(id)] = id == 42 ? 100 : -100;
  const std::string forced = text_of(ask({{"logit_bias", bias}, {"max_tokens", 3}}));
  const std::string once = text_of(ask({{"logit_bias", bias}, {"max_tokens", 1}}));
  EXPECT_NE(once, first);
  EXPECT_EQ(forced, once + once + once);
  // How often a token is in the answer counts against it, until another one is better.
  bias["43"] = 40;
  json repeated{{"logit_bias", bias}, {"max_tokens", 80}};
  const std::string alone = text_of(ask(repeated));
  EXPECT_EQ(alone.substr(0, 3 * once.size()), forced);
  EXPECT_EQ(alone.find_first_not_of(once), std::string::npos);
  repeated["frequency_penalty"] = 2;
  EXPECT_NE(text_of(ask(repeated)).find_first_not_of(once), std::string::npos);
}

TEST_F(ChatFieldsTest, SeveralAnswersDifferAndTheFirstIsTheOneAlone) {
  const json fields{{"temperature", 2}, {"seed", 5}, {"top_k", 0}, {"top_p", 1}};
  json three = fields;
  three["n"] = 3;
  const json answer = ask(three);
  ASSERT_EQ(answer.at("choices").size(), 3u);
  std::set<std::string> texts;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(answer.at("choices").at(i).at("index"), i);
    texts.insert(text_of(answer, i));
  }
  EXPECT_EQ(texts.size(), 3u);
  const json alone = ask(fields);
  EXPECT_EQ(text_of(answer), text_of(alone));
  EXPECT_EQ(answer.at("usage").at("prompt_tokens"), alone.at("usage").at("prompt_tokens"));
  EXPECT_GT(answer.at("usage").at("completion_tokens").get<int>(),
            2 * alone.at("usage").at("completion_tokens").get<int>());

  three["stream"] = true;
  std::vector<std::string> streamed(3);
  for (const json& event : ask(three)) {
    const json& choice = event.at("choices").at(0);
    streamed.at(choice.at("index")) += choice.at("delta").value("content", "");
  }
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(streamed[i], text_of(answer, i));
}

TEST_F(ChatFieldsTest, ALimitOfMinusOneIsNone) {
  const json none = ask({{"max_tokens", nullptr}});
  EXPECT_EQ(text_of(ask({{"max_tokens", -1}})), text_of(none));
  EXPECT_EQ(text_of(ask({{"max_completion_tokens", -1}, {"max_tokens", nullptr}})), text_of(none));
  EXPECT_NE(text_of(ask({{"max_completion_tokens", -1}, {"max_tokens", 1}})), text_of(none));
  const json prompt{{"prompt", "a"}, {"max_tokens", -1}};
  EXPECT_EQ(server_->post("/v1/completions", prompt).status, 200);
}

TEST_F(ChatFieldsTest, ErrorsNameTheField) {
  for (const auto& [fields, name] : std::vector<std::pair<json, std::string>>{
           {{{"n", 9}}, "n"},
           {{{"n", 0}}, "n"},
           {{{"max_tokens", 0}}, "max_tokens"},
           {{{"max_tokens", -2}}, "max_tokens"},
           {{{"top_logprobs", 2}}, "top_logprobs"},
           {{{"logprobs", true}, {"top_logprobs", 21}}, "top_logprobs"},
           {{{"logprobs", 1}}, "logprobs"},
           {{{"frequency_penalty", 2.5}}, "frequency_penalty"},
           {{{"presence_penalty", "a"}}, "presence_penalty"},
           {{{"logit_bias", {{"a", 1}}}}, "logit_bias"},
           {{{"logit_bias", {{"1", 101}}}}, "logit_bias.1"},
           {{{"logit_bias", json::array()}}, "logit_bias"},
           {{{"functions", {{{"name", "a"}}}}}, "functions"},
           {{{"web_search_options", json::object()}}, "web_search_options"},
           {{{"messages", 7}}, "messages"},
           {{{"response_format", {{"type", 7}}}}, "response_format.type"}}) {
    const json error = ask(fields, 400).at("error");
    EXPECT_EQ(error.at("param"), name) << error;
    EXPECT_EQ(error.at("type"), "invalid_request_error");
    EXPECT_NE(error.at("message").get<std::string>().find(name), std::string::npos) << error;
  }
  EXPECT_NE(ask({{"logit_bias", {{"999999", 1}}}}, 400)
                .at("error")
                .at("message")
                .get<std::string>()
                .find("token 999999"),
            std::string::npos);
}

}  // namespace
}  // namespace oko::server
