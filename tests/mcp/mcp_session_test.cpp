#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/base64.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/stop_token.h"
#include "mcp/server.h"
#include "mcp/session.h"
#include "tests/mcp/served_tools.h"
#include "tests/server/api_client.h"

namespace oko::mcp {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

const char* const kCapabilities = "io.modelcontextprotocol/clientCapabilities";

/// A client of a session in this process.
class Client {
 public:
  explicit Client(const Server& server, SessionOptions options = {})
      : session_(server, options, [this](std::string_view line) { take(line); }) {}

  void feed(const std::string& bytes) { session_.receive(bytes); }
  void send(const json& message) { feed(message.dump() + "\n"); }
  void notify(const std::string& method, const json& params) {
    send({{"jsonrpc", "2.0"}, {"method", method}, {"params", params}});
  }

  /// The answer to a request.
  json ask(const json& id, const std::string& method, const json& params = json::object()) {
    send({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}});
    return wait_for([&](const json& message) {
      return message.value("id", json()) == id && !message.contains("method");
    });
  }
  json call(const std::string& tool, const json& arguments, const json& more = json::object()) {
    json params = {{"name", tool}, {"arguments", arguments}};
    params.update(more);
    return ask(++id_, "tools/call", params);
  }
  json initialize(const std::string& version, const json& capabilities = json::object()) {
    const json result =
        ask("init", "initialize", {{"protocolVersion", version}, {"capabilities", capabilities}});
    notify("notifications/initialized", json::object());
    return result;
  }

  /// Waits for the next message that `is_meant`, and takes it out.
  template <typename IsMeant>
  json wait_for(const IsMeant& is_meant) {
    json found;
    const MutexLock lock(mutex_);
    const bool has_come = changed_.wait_for(mutex_, {}, 300s, [&]() OKO_REQUIRES(mutex_) {
      for (auto each = messages_.begin(); each != messages_.end(); ++each) {
        if (!is_meant(*each)) continue;
        found = *each;
        messages_.erase(each);
        return true;
      }
      return false;
    });
    EXPECT_TRUE(has_come);
    return found;
  }
  std::vector<json> messages() {
    const MutexLock lock(mutex_);
    return messages_;
  }
  bool end() { return session_.end(300s); }

 private:
  void take(std::string_view line) {
    EXPECT_TRUE(line.ends_with('\n'));
    EXPECT_EQ(line.find('\n'), line.size() - 1) << "a message is one line";
    const MutexLock lock(mutex_);
    messages_.push_back(json::parse(line));
    changed_.notify_all();
  }

  Mutex mutex_;
  ConditionVariable changed_;
  std::vector<json> messages_ OKO_GUARDED_BY(mutex_);
  int id_ = 0;
  Session session_;  // last: its calls end before the rest
};

/// A library that is opened only when the test lets it, or by a stop.
class Gate {
 public:
  std::unique_ptr<index::Store> open(const StopToken& stop) {
    const MutexLock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    if (!changed_.wait(mutex_, stop, [this]() OKO_REQUIRES(mutex_) { return is_open_; })) {
      throw_cancelled();
    }
    throw Error(ErrorCode::kNotFound, tr("no library", "нет библиотеки"),
                tr("make it", "создайте"));
  }
  void wait_for(int calls) {
    const MutexLock lock(mutex_);
    changed_.wait(mutex_, [&]() OKO_REQUIRES(mutex_) { return waiting_ >= calls; });
  }
  void let_through() {
    const MutexLock lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  int waiting_ OKO_GUARDED_BY(mutex_) = 0;
  bool is_open_ OKO_GUARDED_BY(mutex_) = false;
};

class McpSessionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { tools_ = std::make_unique<ServedTools>(); }
  static void TearDownTestSuite() { tools_.reset(); }

  Server server(const std::vector<std::string>& roots = {}, bool asks_for_roots = true) {
    return Server({.tools = tools_->context([this](const auto& stop) { return gate_.open(stop); }),
                   .version = "test",
                   .roots = FileRoots::of_options(roots),
                   .asks_for_roots = asks_for_roots});
  }
  static std::string picture() {
    return base64_of(bytes_of(ServedTools::demo() / "images/hearts.jpg"));
  }
  static std::string receipt() { return ServedTools::demo() / "pages/receipt.png"; }
  static json envelope(const json& capabilities = json::object()) {
    return {{"_meta", {{kProtocolVersionKey, kEnvelopeVersion}, {kCapabilities, capabilities}}}};
  }
  static std::string text_of(const json& response) {
    return response.at("result").at("content").at(0).at("text");
  }
  static bool is_error(const json& response) { return response.at("result").at("isError"); }
  static int code_of(const json& response) { return response.at("error").at("code"); }

  Gate gate_;
  static inline std::unique_ptr<ServedTools> tools_;
};

TEST_F(McpSessionTest, BeginsByInitializeInTheClientsVersion) {
  const Server server = this->server();
  for (const char* version : {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}) {
    const json result = Client(server).initialize(version).at("result");
    EXPECT_EQ(result.at("protocolVersion"), version);
    EXPECT_EQ(result.at("serverInfo").at("name"), "oko");
    EXPECT_TRUE(result.at("capabilities").contains("tools"));
  }
  Client client(server);
  EXPECT_EQ(client.initialize("1999-01-01").at("result").at("protocolVersion"), "2025-11-25");
  EXPECT_EQ(client.ask(1, "ping").at("result"), json::object());
  EXPECT_EQ(code_of(client.ask(2, "initialize")), kInvalidParams);
}

TEST_F(McpSessionTest, AnswersRequestsWithAnEnvelopeWithoutInitialize) {
  const Server server = this->server();
  Client client(server);
  const json result = client.ask("a", "server/discover", envelope()).at("result");
  EXPECT_EQ(result.at("resultType"), "complete");
  EXPECT_EQ(result.at("supportedVersions").back(), kEnvelopeVersion);
  const json list = client.ask("b", "tools/list", envelope()).at("result");
  EXPECT_TRUE(list.contains("ttlMs") && list.contains("cacheScope"));
  EXPECT_EQ(list.at("tools").size(), 4u);

  json other = envelope();
  other["_meta"][kProtocolVersionKey] = "2031-01-01";
  const json error = client.ask("c", "tools/list", other).at("error");
  EXPECT_EQ(error.at("code"), kUnsupportedVersion);
  EXPECT_EQ(error.at("data").at("requested"), "2031-01-01");
  EXPECT_EQ(error.at("data").at("supported").size(), 5u);
  EXPECT_EQ(code_of(client.ask("d", "ping", envelope())), kMethodNotFound);
  EXPECT_EQ(code_of(client.ask("e", "server/discover")), kInvalidParams);
  other["_meta"].erase(kCapabilities);
  EXPECT_EQ(code_of(client.ask("f", "tools/list", other)), kInvalidParams);
}

TEST_F(McpSessionTest, ToolsSayThatTheyOnlyReadAndWhatTheyTake) {
  const Server server = this->server();
  Client client(server);
  std::vector<std::string> names;
  const json list = client.ask(1, "tools/list").at("result");
  for (const json& tool : list.at("tools")) {
    names.push_back(tool.at("name"));
    EXPECT_EQ(tool.at("annotations").at("readOnlyHint"), true);
    EXPECT_FALSE(tool.at("title").get<std::string>().empty());
    for (const char* schema : {"inputSchema", "outputSchema"}) {
      EXPECT_EQ(tool.at(schema).at("type"), "object") << tool;
      for (const json& name : tool.at(schema).value("required", json::array())) {
        EXPECT_TRUE(tool.at(schema).at("properties").contains(name)) << tool;
      }
    }
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"describe_image", "read_text", "embed", "search_library"}));
}

TEST_F(McpSessionTest, DescribesAPictureAndTellsItsProgress) {
  const Server server = this->server();
  Client client(server);
  client.initialize("2025-11-25");
  const json response =
      client.call("describe_image", {{"data", picture()}}, {{"_meta", {{"progressToken", "p"}}}});
  EXPECT_EQ(text_of(response), "Four red hearts.");
  const json& content = response.at("result").at("structuredContent");
  EXPECT_EQ(content.at("text"), "Four red hearts.");
  EXPECT_EQ(content.at("model"), "tiny-vl");
  EXPECT_EQ(content.at("finish_reason"), "stop");
  double last = 0;
  for (const json& message : client.messages()) {
    if (message.value("method", "") != "notifications/progress") continue;
    EXPECT_EQ(message.at("params").at("progressToken"), "p");
    const double done = message.at("params").at("progress");
    EXPECT_GT(done, last);
    EXPECT_LE(done, 1);
    last = done;
  }
  EXPECT_GT(last, 0);
}

TEST_F(McpSessionTest, TheEngineOfReadTextReadsForDescribeImageToo) {
  const Server server = this->server();
  Client client(server);
  const auto is_read_with = [&](const char* ocr) {
    budget::MemoryBudget& budget = tools_->models().host().memory_budget();
    budget.evict_idle(budget::EvictionOrder::kIdleModel,
                      budget::Evictable::Clock::time_point::max(), {});
    EXPECT_FALSE(tools_->reader().is_loaded());
    EXPECT_FALSE(is_error(client.call("describe_image", {{"data", picture()}, {"ocr", ocr}})));
    return tools_->reader().is_loaded();
  };
  EXPECT_TRUE(is_read_with("auto"));
  EXPECT_FALSE(is_read_with("off"));
}

TEST_F(McpSessionTest, EmbedsTextsAndGivesOldClientsTheVectorsAsText) {
  const Server server = this->server();
  const json arguments = {{"texts", {"hello", "привет"}}};
  Client old(server);
  old.initialize("2025-03-26");
  const json content = old.call("embed", arguments).at("result").at("structuredContent");
  EXPECT_EQ(content.at("vectors").size(), 2u);
  EXPECT_EQ(content.at("vectors")[1].size(), content.at("dimensions"));
  EXPECT_EQ(json::parse(text_of(old.call("embed", arguments))), content);
  Client client(server);
  client.initialize("2025-06-18");
  const json response = client.call("embed", arguments);
  EXPECT_EQ(response.at("result").at("structuredContent"), content);
  EXPECT_LT(text_of(response).size(), 200u);
}

TEST_F(McpSessionTest, ErrorsOfToolsAreResultsWithAHint) {
  const Server server = this->server({ServedTools::demo()});
  Client client(server, {.language = Language::kRussian});
  const struct {
    const char* tool;
    json arguments;
    const char* names;
  } kCases[] = {
      {"describe_image", json::object(), "path"},
      {"describe_image", {{"data", "!"}}, "base64"},
      {"describe_image", {{"data", base64_of("no picture")}}, "data"},
      {"describe_image", {{"data", "x"}, {"path", "y"}}, "path"},
      {"describe_image", {{"data", picture()}, {"model", "../../etc"}}, "oko pull"},
      {"describe_image", {{"data", picture()}, {"language", "xx"}}, "language"},
      {"describe_image", {{"data", picture()}, {"page", 0}}, "page"},
      {"describe_image", {{"data", picture()}, {"ocr", "yes"}}, "ocr"},
      {"describe_image", {{"data", picture()}, {"qestion", "?"}}, "question"},
      {"describe_image", {{"path", "/etc/passwd"}}, "--root"},
      {"describe_image", {{"path", "images"}}, "images"},
      {"read_text", {{"path", "pages/none.png"}}, "pages/none.png"},
      {"read_text", {{"data", picture()}, {"pages", "x"}}, "pages"},
      {"read_text", {{"data", picture()}, {"languages", {1}}}, "languages"},
      {"embed", {{"texts", {1}}}, "texts[0]"},
      {"embed", {{"texts", "a"}}, "texts"},
      {"search_library", {{"query", "a"}, {"mode", "best"}}, "mode"},
      {"search_library", {{"query", "a"}, {"limit", 1000}}, "limit"},
      {"search_library", {{"query", "a"}, {"in", "x"}}, "in"},
  };
  for (const auto& [tool, arguments, names] : kCases) {
    const json response = client.call(tool, arguments);
    EXPECT_TRUE(is_error(response)) << response;
    EXPECT_NE(text_of(response).find(names), std::string::npos) << response;
    EXPECT_EQ(response.dump().find("oko-request-"), std::string::npos) << response;
  }
  EXPECT_EQ(code_of(client.call("no_tool", json::object())), kInvalidParams);
  EXPECT_EQ(code_of(client.call("embed", json::array())), kInvalidParams);
  gate_.let_through();
  EXPECT_EQ(text_of(client.call("search_library", {{"query", "a"}})), "нет библиотеки\nсоздайте");
}

TEST_F(McpSessionTest, CancelledCallEndsWithoutAnAnswer) {
  const Server server = this->server();
  Client client(server);
  const json params = {{"name", "search_library"}, {"arguments", {{"query", "a"}}}};
  client.send({{"jsonrpc", "2.0"}, {"id", "1"}, {"method", "tools/call"}, {"params", params}});
  client.send({{"jsonrpc", "2.0"}, {"id", 1}, {"method", "tools/call"}, {"params", params}});
  gate_.wait_for(2);
  EXPECT_EQ(code_of(client.ask(1, "tools/call", params)), kInvalidRequest) << "its id is taken";
  EXPECT_EQ(client.ask(2, "ping").at("result"), json::object()) << "others are answered meanwhile";
  client.notify("notifications/cancelled", {{"requestId", 7}});
  client.notify("notifications/cancelled", json::object());
  client.notify("notifications/cancelled", {{"requestId", "1"}});
  gate_.let_through();
  const json other =
      client.wait_for([](const json& message) { return message.contains("result"); });
  EXPECT_EQ(other.at("id"), 1) << "\"1\" is another id";
  EXPECT_TRUE(client.end());
  EXPECT_TRUE(client.messages().empty());
}

TEST_F(McpSessionTest, EndStopsTheCalls) {
  const Server server = this->server();
  Client client(server, {.max_calls = 2});
  const json params = {{"name", "search_library"}, {"arguments", {{"query", "a"}}}};
  for (int id = 0; id < 2; ++id) {
    client.send({{"jsonrpc", "2.0"}, {"id", id}, {"method", "tools/call"}, {"params", params}});
  }
  gate_.wait_for(2);
  EXPECT_EQ(code_of(client.ask(2, "tools/call", params)), kInvalidRequest) << "too many";
  EXPECT_TRUE(client.end());
  EXPECT_TRUE(client.messages().empty());
}

TEST_F(McpSessionTest, HostileInputIsAnsweredAndTheNextMessageToo) {
  const Server server = this->server();
  Client client(server, {.max_line_bytes = 20'000});
  using namespace std::string_literals;
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  const struct {
    std::string line;
    int code;
  } kCases[] = {
      {"garbage", kParseError},
      {"{\"jsonrpc\":\"2.0\"", kParseError},
      {"\0\xff\xfe"s, kParseError},
      {"{\"a\":\"\xc3\x28\"}", kParseError},
      {"{\"a\":1e999}", kParseError},
      {deep, kInvalidRequest},
      {"[]", kInvalidRequest},
      {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", kInvalidRequest},
      {"null", kInvalidRequest},
      {"{}", kInvalidRequest},
      {R"({"id":1,"method":"ping"})", kInvalidRequest},
      {R"({"jsonrpc":2.0,"id":1,"method":"ping"})", kInvalidRequest},
      {R"({"jsonrpc":"2.0","id":1})", kInvalidRequest},
      {R"({"jsonrpc":"2.0","id":1,"method":7})", kInvalidRequest},
      {R"({"jsonrpc":"2.0","id":null,"method":"ping"})", kInvalidRequest},
      {R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})", kInvalidRequest},
      {R"({"jsonrpc":"2.0","id":{"a":1},"method":"ping"})", kInvalidRequest},
      {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[1]})", kInvalidRequest},
      {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":[]}})", kInvalidParams},
      {R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})", kInvalidParams},
      {R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":1}})",
       kInvalidParams},
      {R"({"jsonrpc":"2.0","id":1,"method":"\u0000"})", kMethodNotFound},
      {std::string(30'000, 'x'), kInvalidRequest},
  };
  int id = 100;
  for (const auto& [line, code] : kCases) {
    client.feed(line + "\n");
    const json error =
        client.wait_for([](const json& message) { return message.contains("error"); });
    EXPECT_EQ(code_of(error), code) << line.substr(0, 100) << error;
    EXPECT_TRUE(error.contains("id"));
    EXPECT_EQ(client.ask(++id, "ping").at("result"), json::object()) << line.substr(0, 100);
  }
  // Nobody waits for an answer to these.
  client.feed("\n  \r\n");
  client.notify("notifications/unknown", json::object());
  client.send({{"jsonrpc", "2.0"}, {"id", "oko-roots-0"}, {"result", json::object()}});
  client.send({{"jsonrpc", "2.0"}, {"id", 5}, {"error", {{"code", 1}, {"message", "x"}}}});
  EXPECT_EQ(client.ask(++id, "ping").at("result"), json::object());
  EXPECT_TRUE(client.messages().empty());
}

TEST_F(McpSessionTest, MessagesMayComeByteByByte) {
  const Server server = this->server();
  Client client(server);
  const std::string line = R"({"jsonrpc":"2.0","id":"я","method":"ping"})";
  for (const char byte : line + "\r\n" + line + "\n") client.feed(std::string(1, byte));
  EXPECT_EQ(client.messages().size(), 2u);
}

TEST_F(McpSessionTest, WithoutRootsItAsksTheClientForIts) {
  const Server server = this->server();
  Client client(server);
  client.initialize("2025-11-25", {{"roots", {{"listChanged", true}}}});
  const auto is_question = [](const json& message) {
    return message.value("method", "") == "roots/list";
  };
  const json arguments = {{"path", ServedTools::demo() / "images/hearts.jpg"}};
  const auto answer = [&](const json& question, const json& roots) {
    client.send({{"jsonrpc", "2.0"}, {"id", question.at("id")}, {"result", {{"roots", roots}}}});
  };
  const json first = client.wait_for(is_question);
  answer(first, json::array({{{"uri", "file://" + ServedTools::demo().string()}}}));
  EXPECT_EQ(text_of(client.call("describe_image", arguments)), "Four red hearts.");
  client.notify("notifications/roots/list_changed", json::object());
  const json second = client.wait_for(is_question);
  answer(first, json::array({{{"uri", "file:///"}}}));  // late
  answer(second, json::array());
  EXPECT_TRUE(is_error(client.call("describe_image", arguments)));
}

TEST_F(McpSessionTest, ClientsWithAnEnvelopeSendTheirRootsWithASecondRequest) {
  const Server server = this->server();
  Client client(server);
  json params = envelope({{"roots", json::object()}});
  const json arguments = {{"path", ServedTools::demo() / "images/hearts.jpg"}};
  const json question = client.call("describe_image", arguments, params).at("result");
  EXPECT_EQ(question.at("resultType"), "input_required");
  EXPECT_EQ(question.at("inputRequests").at("roots").at("method"), "roots/list");
  params["inputResponses"]["roots"]["roots"] =
      json::array({{{"uri", "file://" + ServedTools::demo().string()}}});
  const json answer = client.call("describe_image", arguments, params);
  EXPECT_EQ(text_of(answer), "Four red hearts.");
  EXPECT_EQ(answer.at("result").at("resultType"), "complete");
  EXPECT_TRUE(is_error(client.call("describe_image", arguments, envelope())));
}

TEST_F(McpSessionTest, WithRootsThoseOfTheClientDoNotCount) {
  const Server server = this->server({ServedTools::demo() / "images"});
  Client client(server);
  client.initialize("2025-11-25", {{"roots", json::object()}});
  EXPECT_TRUE(is_error(client.call("read_text", {{"path", receipt()}})));
  EXPECT_TRUE(client.messages().empty()) << "nobody is asked for roots";
  json params = envelope({{"roots", json::object()}});
  params["inputResponses"]["roots"]["roots"] = json::array({{{"uri", "file:///"}}});
  EXPECT_TRUE(is_error(client.call("read_text", {{"path", receipt()}}, params)));
}

TEST_F(McpSessionTest, ReadTextTellsOfAPageThatIsReadWithFewerPixels) {
  if (!OKO_HAS_TESSERACT || OKO_SANITIZED) GTEST_SKIP() << "takes long, or reads otherwise";
  const std::string poster =
      "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
      "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
      "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 14400 14400]/Contents 4 0 R>>endobj\n"
      "4 0 obj<</Length 17>>stream\n9 9 999 999 re f \nendstream endobj\n"
      "trailer<</Root 1 0 R>>\n%%EOF\n";
  const Server server = this->server();
  Client client(server);
  const json response = client.call("read_text", {{"data", base64_of(poster)}});
  const json& content = response.at("result").at("structuredContent");
  ASSERT_TRUE(content.contains("notes")) << content;
  const std::string note = content.at("notes").at(0);
  EXPECT_TRUE(note.starts_with("data: read at ")) << note;
}

TEST_F(McpSessionTest, ReadsTheTextOfAPage) {
  if (!OKO_HAS_TESSERACT || OKO_SANITIZED) GTEST_SKIP() << "Vision may read otherwise";
  const Server server = this->server({ServedTools::demo()});
  Client client(server);
  const json response = client.call("read_text", {{"path", "pages/receipt.png"}, {"boxes", true}});
  EXPECT_NE(text_of(response).find("Супермаркет"), std::string::npos);
  const json& page = response.at("result").at("structuredContent").at("pages").at(0);
  EXPECT_EQ(page.at("page"), 1);
  EXPECT_EQ(page.at("lines").at(0).at("box").size(), 4u);
}

}  // namespace
}  // namespace oko::mcp
