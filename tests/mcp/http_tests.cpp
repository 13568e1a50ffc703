#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/base64.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/stop_token.h"
#include "mcp/http.h"
#include "mcp/server.h"
#include "server/api_server.h"
#include "tests/mcp/served_tools.h"
#include "tests/server/api_client.h"

namespace oko::mcp {
namespace {

using nlohmann::json;

class McpHttpTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<server::ApiServer>(
        server::ApiServerOptions{.http = {},
                                 .access = {},
                                 .models = ServedTools::models_options(),
                                 .version = "test",
                                 .more_routes =
                                     [](const server::ApiContext& context) {
                                       return http_routes(std::make_shared<const Server>(
                                           ServerOptions{.tools = {.models = context.models,
                                                                   .reader = context.reader,
                                                                   .open_library = open_library},
                                                         .version = "test"}));
                                     },
                                 .log = {}});
  }
  static void TearDownTestSuite() { server_.reset(); }

  /// Waits for a stop, as a long call does.
  static std::unique_ptr<index::Store> open_library(const StopToken& stop) {
    const MutexLock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(mutex_, stop, [] { return false; });
    ++stopped_;
    changed_.notify_all();
    throw_cancelled();
  }
  static void wait_until(const int& count, int at_least) {
    const MutexLock lock(mutex_);
    changed_.wait(mutex_, [&] { return count >= at_least; });
  }

  static ApiAnswer post(const json& message, const std::string& headers = "") {
    return ask(server_->port(), "POST", "/mcp", message.dump(), headers);
  }
  static json request(const std::string& method, const json& params = json::object()) {
    return {{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
  }
  static json describe(const json& more = json::object()) {
    const std::string picture = base64_of(bytes_of(ServedTools::demo() / "images/hearts.jpg"));
    json params = {{"name", "describe_image"}, {"arguments", {{"data", picture}}}};
    params.update(more);
    return request("tools/call", params);
  }
  static json envelope(const std::string& version = "2026-07-28") {
    return {{"_meta",
             {{"io.modelcontextprotocol/protocolVersion", version},
              {"io.modelcontextprotocol/clientCapabilities", json::object()}}}};
  }
  static std::string headers(const std::string& method, const std::string& name = "",
                             const std::string& version = "2026-07-28") {
    std::string text = "Mcp-Protocol-Version: " + version + "\r\nMcp-Method: " + method + "\r\n";
    return name.empty() ? text : text + "Mcp-Name: " + name + "\r\n";
  }

  static inline std::unique_ptr<server::ApiServer> server_;
  static inline Mutex mutex_;
  static inline ConditionVariable changed_;
  static inline int waiting_ = 0, stopped_ = 0;  ///< calls
};

TEST_F(McpHttpTest, AnswersClientsThatInitialize) {
  const ApiAnswer begun = post(request("initialize", {{"protocolVersion", "2025-06-18"}}));
  EXPECT_EQ(begun.status, 200);
  EXPECT_EQ(begun.parsed().at("result").at("protocolVersion"), "2025-06-18");
  EXPECT_NE(begun.header.find("Mcp-Session-Id: "), std::string::npos);
  const json initialized = {{"jsonrpc", "2.0"}, {"method", "notifications/initialized"}};
  const ApiAnswer accepted = post(initialized);
  EXPECT_EQ(accepted.status, 202);
  EXPECT_EQ(accepted.body, "");
  EXPECT_EQ(post(request("ping")).parsed().at("result"), json::object());
  const ApiAnswer unknown = post(request("nothing"));
  EXPECT_EQ(unknown.status, 200) << "its SDK takes others for an error of the transport";
  EXPECT_EQ(unknown.parsed().at("error").at("code"), kMethodNotFound);
  const ApiAnswer answer = post(describe());
  EXPECT_EQ(answer.parsed().at("result").at("content").at(0).at("text"), "Four red hearts.");
}

TEST_F(McpHttpTest, AnswersClientsWithAnEnvelope) {
  const ApiAnswer found = post(request("server/discover", envelope()), headers("server/discover"));
  EXPECT_EQ(found.status, 200) << found.body;
  EXPECT_EQ(found.parsed().at("result").at("resultType"), "complete");
  const ApiAnswer answer = post(describe(envelope()), headers("tools/call", "describe_image"));
  EXPECT_EQ(answer.parsed().at("result").at("structuredContent").at("text"), "Four red hearts.");
  EXPECT_EQ(post(request("ping", envelope()), headers("ping")).status, 404);
}

TEST_F(McpHttpTest, RefusesHeadersThatAreNotTheMessages) {
  const auto code_of = [](const ApiAnswer& answer) {
    EXPECT_EQ(answer.status, 400) << answer.body;
    return answer.parsed().at("error").at("code").get<int>();
  };
  const json list = request("tools/list", envelope());
  EXPECT_EQ(code_of(post(list, headers("tools/call"))), kHeaderMismatch);
  EXPECT_EQ(code_of(post(list, headers("tools/list", "", "2025-11-25"))), kHeaderMismatch);
  EXPECT_EQ(code_of(post(list)), kHeaderMismatch);
  EXPECT_EQ(code_of(post(describe(envelope()), headers("tools/call"))), kHeaderMismatch);
  EXPECT_EQ(code_of(post(describe(envelope()), headers("tools/call", "embed"))), kHeaderMismatch);
  EXPECT_EQ(code_of(post(describe(envelope()), headers("tools/call", "=?base64?!?="))),
            kHeaderMismatch);
  EXPECT_EQ(
      post(describe(envelope()), headers("tools/call", "=?base64?ZGVzY3JpYmVfaW1hZ2U=?=")).status,
      200);
  EXPECT_EQ(code_of(post(request("tools/list", envelope("2031-01-01")),
                         headers("tools/list", "", "2031-01-01"))),
            kUnsupportedVersion);
  EXPECT_EQ(code_of(post(request("tools/list"), "Mcp-Protocol-Version: 2031-01-01\r\n")),
            kUnsupportedVersion);
  EXPECT_EQ(code_of(post(request("tools/list"), headers("tools/list"))), kInvalidParams);
}

TEST_F(McpHttpTest, StreamsTheProgressOfACall) {
  const json message = describe({{"_meta", {{"progressToken", 5}}}});
  const ApiAnswer plain = post(message, "Accept: application/json\r\n");
  EXPECT_NE(plain.header.find("application/json"), std::string::npos);
  const ApiAnswer answer = post(message, "Accept: application/json, text/event-stream\r\n");
  EXPECT_NE(answer.header.find("text/event-stream"), std::string::npos);
  EXPECT_NE(answer.body.find("notifications/progress"), std::string::npos);
  const std::size_t last = answer.body.rfind("event: message\ndata: ");
  ASSERT_NE(last, std::string::npos);
  EXPECT_NE(answer.body.find("Four red hearts.", last), std::string::npos);
}

TEST_F(McpHttpTest, NamesNoLocalFilesWithoutRoots) {
  const json tools = post(request("tools/list")).parsed().at("result").at("tools");
  for (const json& tool : tools) {
    EXPECT_FALSE(tool.at("inputSchema").at("properties").contains("path")) << tool;
  }
  for (const json& capabilities : {json::object(), json({{"roots", json::object()}})}) {
    json params = envelope();
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
    params["inputResponses"]["roots"]["roots"] = json::array({{{"uri", "file:///"}}});
    params["name"] = "read_text";
    params["arguments"] = {{"path", ServedTools::demo() / "pages/receipt.png"}};
    const ApiAnswer answer =
        post(request("tools/call", params), headers("tools/call", "read_text"));
    EXPECT_EQ(answer.parsed().at("result").at("isError"), true) << answer.body;
  }
}

TEST_F(McpHttpTest, RefusesWhatIsNoMessage) {
  const auto code_of = [](const std::string& body) {
    const ApiAnswer answer = ask(server_->port(), "POST", "/mcp", body);
    EXPECT_EQ(answer.status, 400);
    return answer.parsed().at("error").at("code").get<int>();
  };
  EXPECT_EQ(code_of("{"), kParseError);
  EXPECT_EQ(code_of("[]"), kInvalidRequest);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0"})"), kInvalidRequest);
  EXPECT_EQ(ask(server_->port(), "GET", "/mcp").status, 405);
  EXPECT_EQ(ask(server_->port(), "DELETE", "/mcp").status, 405);
  EXPECT_EQ(post(request("ping"), "Origin: http://evil.example\r\n").status, 403);
}

TEST_F(McpHttpTest, StopsTheCallOfAClientThatHangsUpOrCancels) {
  const json call =
      request("tools/call", {{"name", "search_library"}, {"arguments", {{"query", "a"}}}});
  const auto begin = [&](const std::string& headers) {
    auto client = std::make_unique<RawClient>(server_->port());
    const std::string body = call.dump();
    client->send(
        fmt::format("POST /mcp HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: {}\r\n\r\n{}",
                    headers, body.size(), body));
    return client;
  };
  auto hangs_up = begin("");
  wait_until(waiting_, 1);
  hangs_up.reset();
  wait_until(stopped_, 1);

  const auto cancels = begin("Mcp-Session-Id: one\r\n");
  wait_until(waiting_, 2);
  const json cancelled = {
      {"jsonrpc", "2.0"}, {"method", "notifications/cancelled"}, {"params", {{"requestId", 1}}}};
  EXPECT_EQ(post(cancelled).status, 202);
  EXPECT_EQ(post(cancelled, "Mcp-Session-Id: other\r\n").status, 202);
  {
    const MutexLock lock(mutex_);
    EXPECT_EQ(stopped_, 1) << "the calls of other clients go on";
  }
  EXPECT_EQ(post(cancelled, "Mcp-Session-Id: one\r\n").status, 202);
  wait_until(stopped_, 2);
}

}  // namespace
}  // namespace oko::mcp
