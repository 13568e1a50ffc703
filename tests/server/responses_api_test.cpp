#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "tests/server/api_client.h"
#include "tests/server/test_server.h"

namespace oko::server {
namespace {

using nlohmann::json;

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

  /// As Codex asks (codex-rs/codex-api/src/common.rs, codex-rs/tools/src/tool_spec.rs), with
  /// a function of its own whose arguments come to an end.
  static json codex_request() {
    return json::parse(R"({
      "model":"tiny-vl","instructions":"You are Codex.",
      "input":[
        {"type":"message","role":"developer","content":[
          {"type":"input_text","text":"<permissions instructions>"}]},
        {"type":"message","role":"user","content":[
          {"type":"input_text","text":"<environment_context>"}]},
        {"type":"message","role":"user","content":[{"type":"input_text","text":"Погода?"}]}],
      "tools":[
        {"type":"function","name":"get_weather","description":"Погода","strict":false,"parameters":
          {"type":"object","properties":{"city":{"enum":["Москва","Oslo"]}},"required":["city"],
           "additionalProperties":false}},
        {"type":"custom","name":"apply_patch","description":"Edits files.",
         "format":{"type":"grammar","syntax":"lark","definition":"start: /.+/s"}},
        {"type":"web_search","external_web_access":false},
        {"type":"namespace","name":"mcp__files__","description":"Tools of files.","tools":[
          {"type":"function","name":"list","description":"Lists.","strict":false,
           "parameters":{"type":"object","properties":{}}}]}],
      "tool_choice":"auto","parallel_tool_calls":false,
      "reasoning":{"effort":"medium","summary":"auto"},"store":false,"stream":true,
      "include":["reasoning.encrypted_content"],"prompt_cache_key":"0199",
      "text":{"verbosity":"low"},"client_metadata":{"x-codex-installation-id":"1"}})");
  }

  /// That of Codex with these tools alone: their namespaces, each with one function.
  static json with_namespaces(const std::vector<std::pair<std::string, std::string>>& names) {
    json body = codex_request();
    const json space = body.at("tools")[3];
    body["tools"] = json::array();
    for (const auto& [space_name, name] : names) {
      body["tools"].push_back(space);
      body["tools"].back()["name"] = space_name;
      body["tools"].back()["tools"][0]["name"] = name;
    }
    body["max_output_tokens"] = 300;
    return body;
  }

  /// The events of a stream, whose numbers and names must be right.
  static std::vector<json> events_of(const json& body) {
    const std::string stream = post(body).body;
    std::vector<json> events;
    for (std::size_t at = stream.find("event: "); at != std::string::npos;
         at = stream.find("event: ", at + 1)) {
      const std::size_t data = stream.find("\ndata: ", at) + 7;
      events.push_back(json::parse(stream.substr(data, stream.find("\n\n", data) - data)));
      EXPECT_EQ(events.back().at("sequence_number"), events.size() - 1);
      EXPECT_EQ(events.back().at("type"), stream.substr(at + 7, data - 7 - (at + 7)));
    }
    return events;
  }
  /// Those that follow one another counted once.
  static std::vector<std::string> types_of(const std::vector<json>& events) {
    std::vector<std::string> types;
    for (const json& event : events) {
      const std::string type = event.at("type");
      if (types.empty() || types.back() != type) types.push_back(type);
    }
    return types;
  }

  static inline std::unique_ptr<ApiServer> server_;
};

TEST_F(ResponsesApiTest, DescribesAPicture) {
  json body = question();
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
  const std::vector<json> events = events_of(body);
  std::string text;
  for (const json& event : events) {
    if (event.at("type") == "response.output_text.delta") {
      text += event.at("delta").get<std::string>();
    }
  }
  EXPECT_EQ(
      types_of(events),
      (std::vector<std::string>{
          "response.created", "response.in_progress", "response.output_item.added",
          "response.content_part.added", "response.output_text.delta", "response.output_text.done",
          "response.content_part.done", "response.output_item.done", "response.incomplete"}));
  const json& last = events.back().at("response");
  EXPECT_EQ(last.at("output")[0].at("content")[0].at("text"), text);
  EXPECT_EQ(last.at("output")[0], events[events.size() - 2].at("item"));
  EXPECT_EQ(last.at("incomplete_details").at("reason"), "max_output_tokens");
  EXPECT_EQ(last.at("instructions"), "Be brief.");
}

TEST_F(ResponsesApiTest, CallsFunctionsWholeAndStreamed) {
  json body = codex_request();
  body["tool_choice"] = {{"type", "function"}, {"name", "get_weather"}};
  body["stream"] = false;
  const json whole = post(body).parsed();
  ASSERT_EQ(whole.at("status"), "completed") << whole;
  ASSERT_EQ(whole.at("output").size(), 1u) << whole;
  const json& call = whole.at("output")[0];
  EXPECT_EQ(call.at("type"), "function_call");
  EXPECT_EQ(call.at("name"), "get_weather");
  EXPECT_EQ(call.at("status"), "completed");
  EXPECT_TRUE(call.at("call_id").get<std::string>().starts_with("call_"));
  const json arguments = json::parse(call.at("arguments").get<std::string>());
  EXPECT_TRUE(arguments.at("city") == "Москва" || arguments.at("city") == "Oslo") << call;

  body["stream"] = true;
  const std::vector<json> events = events_of(body);
  EXPECT_EQ(types_of(events),
            (std::vector<std::string>{
                "response.created", "response.in_progress", "response.output_item.added",
                "response.function_call_arguments.delta", "response.function_call_arguments.done",
                "response.output_item.done", "response.completed"}));
  std::string streamed;
  for (const json& event : events) {
    if (event.at("type") != "response.function_call_arguments.delta") continue;
    EXPECT_EQ(event.at("item_id"), events[2].at("item").at("id"));
    streamed += event.at("delta").get<std::string>();
  }
  EXPECT_EQ(streamed, call.at("arguments").get<std::string>());
  const json& done = events[events.size() - 2].at("item");
  EXPECT_EQ(done.at("arguments"), streamed);
  EXPECT_EQ(events.back().at("response").at("output"), json::array({done}));
}

TEST_F(ResponsesApiTest, AnAnswerIsACallOrHasTheFormat) {
  json body = codex_request();
  body["max_output_tokens"] = 200;
  body["text"] = json::parse(R"({"format":{"type":"json_schema","name":"a","schema":
    {"type":"object","properties":{"цвет":{"enum":["red","зелёный"]}},"required":["цвет"]}}})");
  for (const char* choice : {"none", "auto", "required"}) {
    body["tool_choice"] = choice;
    body["stream"] = false;
    const json whole = post(body).parsed();
    ASSERT_EQ(whole.at("status"), "completed") << whole;
    ASSERT_EQ(whole.at("output").size(), 1u) << whole;
    const json& item = whole.at("output")[0];
    if (item.at("type") == "message") {
      EXPECT_STRNE(choice, "required");
      const json text = json::parse(item.at("content")[0].at("text").get<std::string>());
      EXPECT_TRUE(text.at("цвет") == "red" || text.at("цвет") == "зелёный") << item;
    } else {
      EXPECT_STRNE(choice, "none");
      EXPECT_TRUE(item.at("name") == "get_weather" || item.at("name") == "list") << item;
    }
    body["stream"] = true;
    const json last = events_of(body).back().at("response").at("output")[0];
    EXPECT_EQ(last.value("arguments", ""), item.value("arguments", ""));
    EXPECT_EQ(last.value("content", json()), item.value("content", json()));
  }
}

/// Tools that oko does not have stay out of the prompt: Codex names some in every request.
TEST_F(ResponsesApiTest, AnswersTheRequestsOfCodex) {
  const std::vector<json> events = events_of(codex_request());
  ASSERT_FALSE(events.empty());
  const json& first = events.back().at("response");
  ASSERT_EQ(first.at("tools").size(), 2u) << first;
  EXPECT_EQ(first.at("tools")[0].at("name"), "get_weather");
  EXPECT_EQ(first.at("tools")[1].at("name"), "mcp__files__");
  EXPECT_EQ(first.at("tool_choice"), "auto");
  EXPECT_EQ(first.at("parallel_tool_calls"), false);
  const auto tokens_of = [](const json& body) {
    return post(body).parsed().at("usage").at("input_tokens").get<int>();
  };
  json body = codex_request();
  body["stream"] = false;
  json functions = body;
  functions["tools"] = json::array({body.at("tools")[0], body.at("tools")[3].at("tools")[0]});
  functions["tools"][1]["name"] = "mcp__files__list";
  EXPECT_EQ(tokens_of(body), tokens_of(functions));
  functions["tools"] = json::array();
  EXPECT_GT(tokens_of(body), tokens_of(functions));
}

/// As codex-rs/core/src/tools/router.rs reads calls: by namespace and name, apart.
TEST_F(ResponsesApiTest, CallsFunctionsOfNamespaces) {
  for (const char* space : {"mcp__files__", "mcp__files"}) {
    json body = codex_request();
    body["tools"] = json::array({body.at("tools")[3]});
    body["tools"][0]["name"] = space;
    body["tools"][0]["tools"].push_back(
        {{"type", "function"}, {"name", "later"}, {"defer_loading", true}});
    body["tool_choice"] = "required";
    body["max_output_tokens"] = 300;
    const std::vector<json> events = events_of(body);
    const json& call = events.back().at("response").at("output")[0];
    EXPECT_EQ(call.at("name"), "list") << call;
    EXPECT_EQ(call.at("namespace"), space);
    EXPECT_EQ(events[2].at("item").at("namespace"), space);
    body["stream"] = false;
    const auto tokens_of = [](const json& asked) {
      return post(asked).parsed().at("usage").at("input_tokens").get<int>();
    };
    body["max_output_tokens"] = 1;
    json named = body;
    body["input"].push_back(call);
    body["input"].push_back(
        {{"type", "function_call_output"}, {"call_id", call.at("call_id")}, {"output", "a.txt"}});
    json joined = body;
    joined["input"][3].erase("namespace");
    joined["input"][3]["name"] = "mcp__files__list";
    EXPECT_GT(tokens_of(body), tokens_of(named));
    EXPECT_EQ(tokens_of(body), tokens_of(joined));
  }
}

/// Each name may have 64 letters for OpenAI; both together are longer than a name of oko's.
TEST_F(ResponsesApiTest, CallsFunctionsOfNamespacesWithLongNames) {
  const std::string space(64, 'a'), name(64, 'b');
  json body = with_namespaces({{space, name}});
  body["tool_choice"] = "required";
  const std::vector<json> events = events_of(body);
  ASSERT_GT(events.size(), 3u) << post(body).body;
  body["stream"] = false;
  const json whole = post(body).parsed().at("output")[0];
  for (const json& call : {whole, events[2].at("item"), events[events.size() - 2].at("item")}) {
    EXPECT_EQ(call.at("name"), name);
    EXPECT_EQ(call.at("namespace"), space);
  }
  body["input"].push_back(whole);
  EXPECT_EQ(post(body).status, 200);
}

TEST_F(ResponsesApiTest, ChoosesAFunctionByItsNameInANamespace) {
  json body = with_namespaces({{"files", "list"}, {"files", "find"}, {"mail", "find"}});
  body["stream"] = false;
  const auto called = [&](const json& choice) -> std::pair<std::string, std::string> {
    body["tool_choice"] = choice;
    body["tool_choice"]["type"] = "function";
    const ApiAnswer answer = post(body);
    if (answer.status != 200) return {"", answer.parsed().at("error").at("message")};
    const json call = answer.parsed().at("output").at(0);
    return {call.value("namespace", ""), call.at("name")};
  };
  using Names = std::pair<std::string, std::string>;
  EXPECT_EQ(called({{"name", "list"}}), Names("files", "list"));
  EXPECT_EQ(called({{"name", "mail__find"}}), Names("mail", "find"));
  EXPECT_EQ(called({{"name", "find"}, {"namespace", "mail"}}), Names("mail", "find"));
  EXPECT_EQ(called({{"name", "find"}}),
            Names("", "several namespaces have find: name one in tool_choice.namespace"));
  EXPECT_EQ(called({{"name", "list"}, {"namespace", "mail"}}),
            Names("", "tools have no mail__list"));
}

TEST_F(ResponsesApiTest, RefusesDifferentToolsWithOneNameForTheModel) {
  json body = with_namespaces({{"a__b", "c"}, {"a", "b__c"}});
  ApiAnswer answer = post(body);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.parsed().at("error").at("param"), "tools[1].tools[0].name") << answer.body;
  body["tools"][1] = {{"type", "function"}, {"name", "a__b__c"}};
  answer = post(body);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.parsed().at("error").at("param"), "tools[1].name") << answer.body;
  EXPECT_NE(answer.body.find("a__b__c"), std::string::npos);
}

/// The second turn, as Codex sends it. "view_image" answers with a picture.
TEST_F(ResponsesApiTest, ReadsCallsAndTheirResults) {
  json body = codex_request();
  body["stream"] = false;
  const auto tokens_with = [&](const json& items) {
    json longer = body;
    longer["input"].insert(longer["input"].end(), items.begin(), items.end());
    const ApiAnswer answer = post(longer);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.parsed().at("usage").at("input_tokens").get<int>();
  };
  const json call = json::parse(R"([
    {"type":"reasoning","summary":[],"encrypted_content":"a"},
    {"type":"message","role":"assistant","content":[{"type":"output_text","text":"I look."}]},
    {"type":"function_call","name":"get_weather","arguments":"{\"city\": \"Oslo\"}","call_id":"a"},
    {"type":"function_call","name":"get_weather","arguments":"{\"city\": \"Bergen\"}","call_id":"b"}
  ])");
  json results = call, pictures = call;
  for (const char* id : {"a", "b"}) {
    results.push_back({{"type", "function_call_output"}, {"call_id", id}, {"output", "snow"}});
    pictures.push_back({{"type", "function_call_output"},
                        {"call_id", id},
                        {"output", {question().at("input")[0].at("content")[0]}}});
  }
  const int alone = tokens_with(call), with_results = tokens_with(results);
  EXPECT_GT(with_results, alone);
  EXPECT_GT(tokens_with(pictures), with_results);
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
      {with("conversation", "conv_1"), "conversation"},
      {with("tool_choice", "required"), "tool_choice"},
      {with("tool_choice", {{"type", "web_search"}}), "tool_choice.type"},
      {with("tools", {{{"name", "f"}}}), "tools[0].type"},
      {with("tools", {{{"type", "function"}}}), "tools[0].name"},
      {with("tools", {{{"type", "function"}, {"name", "f"}, {"parameters", 1}}}),
       "tools[0].parameters"},
      {with("background", true), "background"},
      {with("prompt", {{"id", "pmpt_1"}}), "prompt"},
      {with("input", {{{"type", "function_call_output"}}}), "input[0].call_id"},
      {with("input", {{{"type", "function_call_output"}, {"call_id", "1"}}}), "input[0].output"},
      {with("input", {{{"type", "function_call"}, {"call_id", "1"}}}), "input[0].name"},
      {with("input", {{{"type", "function_call"},
                       {"call_id", "1"},
                       {"name", "f"},
                       {"namespace", "\""},
                       {"arguments", "{}"}}}),
       "input[0].namespace"},
      {with("input", {{{"type", "local_shell_call"}}}), "input[0].type"},
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
