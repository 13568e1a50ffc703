// Requests that no client should send, to every route: an error of the route's protocol, each time.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "server/api_server.h"
#include "tests/server/api_client.h"
#include "tests/server/test_server.h"

namespace oko::server {
namespace {

using namespace std::string_literals;
using nlohmann::json;

constexpr const char* kForm = "Content-Type: multipart/form-data; boundary=x\r\n";
constexpr const char* kJson = "Content-Type: application/json\r\n";

/// Without models: no request can succeed.
class BadRequestsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = make_test_server({}); }
  static void TearDownTestSuite() { server_.reset(); }

  static ApiAnswer ask(const std::string& method, const std::string& path,
                       const std::string& body = "", const std::string& headers = "") {
    return oko::ask(server_->port(), method, path, body, headers);
  }

  /// All that take a body.
  static std::vector<std::string> post_routes() {
    const json document = ask("GET", "/openapi.json").parsed();
    std::vector<std::string> routes;
    for (const auto& [path, methods] : document.at("paths").items()) {
      if (methods.contains("post")) routes.push_back(path);
    }
    return routes;
  }

  /// 4xx, as the clients of the route expect it, with an id.
  static void expect_refused(const std::string& path, const std::string& body,
                             const std::string& headers) {
    const ApiAnswer answer = ask("POST", path, body, headers);
    SCOPED_TRACE(path + " " + headers + body.substr(0, 200) + "\n" + answer.body);
    EXPECT_GE(answer.status, 400);
    EXPECT_LT(answer.status, 500);
    EXPECT_NE(answer.header.find("\r\nX-Request-Id: req_"), std::string::npos);
    const json error = json::parse(answer.body, nullptr, false);
    ASSERT_TRUE(error.is_object());
    if (path.starts_with("/api/")) {
      EXPECT_TRUE(error.value("error", json()).is_string());
    } else if (path == "/upload") {
      EXPECT_EQ(error.value("success", json()), json(false));
      EXPECT_TRUE(error.value("message", json()).is_string());
    } else {
      EXPECT_TRUE(error.value("error", json::object()).value("message", json()).is_string());
      EXPECT_TRUE(error["error"].value("type", json()).is_string());
      const bool is_anthropic = path.starts_with("/v1/messages");
      EXPECT_EQ(is_anthropic, error.contains("request_id"));
      EXPECT_EQ(is_anthropic, answer.header.find("\r\nRequest-Id: req_") != std::string::npos);
    }
  }

  static inline std::unique_ptr<ApiServer> server_;
};

TEST_F(BadRequestsTest, WhatIsNoRequestIsRefusedInTheShapeOfItsApi) {
  const auto repeated = [](const std::string& text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  };
  const std::string kBodies[] = {
      "",
      " ",
      "{",
      "}",
      "{}",
      "[]",
      "null",
      "1",
      "\"text\"",
      "{\"model\"}",
      "{\"model\":\"none\",}",
      "{} {}",
      "{'model':'none'}",
      "{\"model\":NaN}",
      "{\"model\":1e999}",
      "{\"model\":\"\xFF\"}",
      "{\"model\":\"\\ud800\"}",
      "{\"model\":\"a\nb\"}",
      "\xEF\xBB\xBF[]",
      "{\"model\":\"no\0ne\"}"s,
      "\0\0\0\0"s,
      repeated("[", 100),
      repeated("{\"a\":", 100),
      "{\"a\":" + repeated("[", 100'000),
      "{\"a\":" + repeated("[", 65) + repeated("]", 65) + "}",
      "--x",
      "--x\r\n\r\n--x--\r\n",
      "--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n",
      "--x\r\nContent-Disposition: form-data; name=file; filename=\"\"\r\n\r\n\r\n--x--\r\n",
      "--x\r\nContent-Disposition: form-data; name=file\r\n\r\nno picture\r\n--x--\r\n",
      repeated("--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n", 100) + "--x--\r\n",
  };
  for (const std::string& path : post_routes()) {
    for (const std::string& body : kBodies) {
      for (const char* headers : {kJson, kForm, ""}) expect_refused(path, body, headers);
    }
  }
}

/// A request for each route that its protocol takes, but for the model.
std::map<std::string, json> whole_requests() {
  const json picture{{"type", "image_url"}, {"image_url", {{"url", "data:image/png;base64,AAAA"}}}};
  const json chat{{"model", "none"},
                  {"messages", {{{"role", "user"}, {"content", json::array({picture})}}}},
                  {"stream", true},
                  {"stream_options", {{"include_usage", true}}},
                  {"max_tokens", 1},
                  {"temperature", 0.5},
                  {"stop", {"a"}},
                  {"seed", 1},
                  {"n", 1},
                  {"logit_bias", {{"1", 1}}},
                  {"response_format", {{"type", "json_object"}}},
                  {"tools", json::array()},
                  {"tool_choice", "auto"}};
  const json source{{"type", "base64"}, {"media_type", "image/png"}, {"data", "AAAA"}};
  const json messages{
      {"model", "none"},
      {"max_tokens", 1},
      {"system", "s"},
      {"messages", {{{"role", "user"}, {"content", {{{"type", "image"}, {"source", source}}}}}}},
      {"stop_sequences", {"a"}}};
  const json ollama{{"model", "none"},
                    {"messages", {{{"role", "user"}, {"content", "a"}, {"images", {"AAAA"}}}}},
                    {"options", {{"num_predict", 1}, {"temperature", 1}}},
                    {"keep_alive", "5m"},
                    {"format", "json"}};
  const json part{{"type", "input_image"}, {"image_url", "data:image/png;base64,AAAA"}};
  return {
      {"/v1/chat/completions", chat},
      {"/v1/completions", {{"model", "none"}, {"prompt", "a"}, {"max_tokens", 1}}},
      {"/v1/responses",
       {{"model", "none"},
        {"instructions", "s"},
        {"input", {{{"role", "user"}, {"content", json::array({part})}}}},
        {"text", {{"format", {{"type", "text"}}}}}}},
      {"/v1/messages", messages},
      {"/v1/messages/count_tokens", messages},
      {"/v1/embeddings",
       {{"model", "none"}, {"input", {"a"}}, {"encoding_format", "float"}, {"outputs", {"dense"}}}},
      {"/v1/rerank", {{"model", "none"}, {"query", "a"}, {"documents", {"a"}}, {"top_n", 1}}},
      {"/v1/ocr", {{"file", "AAAA"}, {"pages", "1"}, {"languages", {"en-US"}}, {"format", "json"}}},
      {"/v1/search", {{"query", "a"}, {"limit", 1}, {"kinds", {"pdf"}}, {"from", "2024"}}},
      {"/v1/library/index", {{"root", 1}, {"caption", false}, {"retry", false}}},
      {"/upload", {{"file", "AAAA"}}},
      {"/api/show", {{"model", "none"}}},
      {"/api/chat", ollama},
      {"/api/generate", {{"model", "none"}, {"prompt", "a"}, {"images", {"AAAA"}}}},
      {"/api/embed", {{"model", "none"}, {"input", "a"}, {"truncate", true}}},
      {"/api/embeddings", {{"model", "none"}, {"prompt", "a"}}},
  };
}

TEST_F(BadRequestsTest, ValuesOfAnotherTypeAreRefusedWhereverTheyStand) {
  const json kValues[] = {nullptr,
                          true,
                          -1,
                          1.5,
                          1e300,
                          "",
                          "?",
                          "%%%=",
                          std::string(1, '\0'),
                          json::array(),
                          json::object(),
                          json::array({json::array()}),
                          json::array({1}),
                          {{"a", 1}},
                          std::string(70'000, 'A')};
  const auto requests = whole_requests();
  for (const std::string& path : post_routes()) {
    ASSERT_TRUE(requests.contains(path)) << path;
    const json& whole = requests.at(path);
    std::set<std::string> places;  // of all values, those with others in them, too
    const json flat = whole.flatten();
    for (const auto& [place, old] : flat.items()) {
      for (json::json_pointer at(place); !at.empty(); at.pop_back()) places.insert(at.to_string());
    }
    for (const std::string& place : places) {
      for (const json& value : kValues) {
        json changed = whole;
        changed[json::json_pointer(place)] = value;
        expect_refused(path, changed.dump(), kJson);
      }
    }
  }
}

TEST_F(BadRequestsTest, NamesArePathsOfNothing) {
  const std::string kNames[] = {"..",
                                "../../etc/passwd",
                                "..\\..\\etc\\passwd",
                                "/etc/passwd",
                                "//etc/passwd",
                                "./index.html/../../access.cpp",
                                std::string(OKO_SOURCE_DIR) + "/demo/models/tiny-vl",
                                "file:///etc/passwd",
                                "~/.oko",
                                "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
                                "%252e%252e%252fetc%252fpasswd",
                                "..%5c..%5cetc%5cpasswd",
                                "%2fetc%2fpasswd",
                                "..%c0%af..%c0%afetc%c0%afpasswd",
                                "index.html%00.js",
                                "none%00",
                                "index.html\\",
                                ".%2e/.%2e/proc/self/environ"};
  const auto expect_nothing = [](const ApiAnswer& answer, const std::string& what) {
    EXPECT_TRUE(answer.status == 404 || answer.status == 400) << what << answer.status;
    EXPECT_EQ(answer.body.find("root:"), std::string::npos) << what;
    EXPECT_EQ(answer.body.find("PATH="), std::string::npos) << what;
    EXPECT_NE(answer.header.find("\r\nX-Request-Id: req_"), std::string::npos) << what;
  };
  for (const std::string& name : kNames) {
    for (const char* folder : {"/", "/web/", "/v1/models/", "/v1/library/documents/"}) {
      expect_nothing(ask("GET", folder + name), folder + name);
    }
    for (const auto& [path, whole] : whole_requests()) {
      if (!whole.contains("model")) continue;
      json request = whole;
      request["model"] = name;
      request["stream"] = false;
      expect_nothing(ask("POST", path, request.dump()), path + " " + name);
    }
  }
  expect_nothing(ask("GET", "/web/\x01"), "a control character");
  expect_nothing(ask("GET", "/web/index.html\0"s), "a NUL");
}

}  // namespace
}  // namespace oko::server
