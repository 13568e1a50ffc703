// Pictures that requests name by their address.
#include "server/remote_pictures.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "engine/model_host.h"
#include "server/api_server.h"
#include "server/chat_task.h"
#include "tests/server/api_client.h"
#include "tests/server/raw_client.h"
#include "tests/support/http_server.h"

namespace oko::server {
namespace {

using nlohmann::json;

constexpr const char* kAnswer = "Four red hearts.";
constexpr std::size_t kLargeBytes = 90'000'000;  // three are more than 256 MiB

/// A web server with a picture, and a server that takes this machine for a part of the internet.
class RemotePicturesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    web_ = std::make_unique<oko::HttpServer>([](const ServerRequest& request) -> ServerReply {
      if (request.path == "/hearts.jpg") return {.body = bytes_of(kDemo / "images/hearts.jpg")};
      if (request.path == "/large") return {.body = "GIF89a" + std::string(kLargeBytes, '\0')};
      if (request.path == "/late") return {.body = "", .delay = std::chrono::minutes(10)};
      return {.body = "<html>a secret page"};
    });
    host_ = std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1});
    server_ = make_server(net::PublicFileOptions{.max_time = std::chrono::minutes(10),
                                                 .may_dial = [](const sockaddr&) { return true; },
                                                 .any_port = true});
  }
  static void TearDownTestSuite() {
    server_.reset();
    host_.reset();
    web_.reset();
  }
  static ChatTask task_of(const std::string& url) {
    ChatTask task;
    task.pictures.push_back({.name = "a", .bytes = {}, .address = url, .field = "url"});
    return task;
  }
  static std::unique_ptr<ApiServer> make_server(std::optional<net::PublicFileOptions> remote) {
    return std::make_unique<ApiServer>(
        ApiServerOptions{.http = {},
                         .access = {},
                         .models = {.host = host_,
                                    .models = {kDemo / "models/tiny-vl"},
                                    .align = [](const auto&) {}},
                         .remote_pictures = std::move(remote),
                         .version = "test",
                         .log = [](const HttpRequest&, int, std::chrono::nanoseconds) {
                           ++answers_;
                           answers_.notify_all();
                         }});
  }

  static json content_of(json picture, const char* text_type) {
    json content = json::array();
    content.push_back(std::move(picture));
    content.push_back({{"type", text_type}, {"text", "Describe this image."}});
    return json::array({{{"role", "user"}, {"content", std::move(content)}}});
  }
  static json openai(const std::string& url) {
    return {
        {"messages", content_of({{"type", "image_url"}, {"image_url", {{"url", url}}}}, "text")}};
  }
  static json anthropic(const std::string& url) {
    return {{"max_tokens", 64},
            {"messages",
             content_of({{"type", "image"}, {"source", {{"type", "url"}, {"url", url}}}}, "text")}};
  }
  static ApiAnswer post(const ApiServer& server, const std::string& path, const json& body) {
    return ask(server.port(), "POST", path, body.dump());
  }
  /// The value at a place of an answer; the whole answer if there is none.
  static json value_of(const std::string& path, const json& body, const char* place) {
    const json answer = post(*server_, path, body).parsed();
    const json::json_pointer pointer(place);
    return answer.contains(pointer) ? answer.at(pointer) : answer;
  }

  static inline std::unique_ptr<oko::HttpServer> web_;
  static inline std::shared_ptr<engine::ModelHost> host_;
  static inline std::unique_ptr<ApiServer> server_;
  static inline std::atomic<int> answers_ = 0;
};

TEST_F(RemotePicturesTest, AreSeenByTheClientsOfEachApi) {
  const std::string url = web_->url() + "/hearts.jpg";
  EXPECT_EQ(value_of("/v1/chat/completions", openai(url), "/choices/0/message/content"), kAnswer);
  EXPECT_EQ(value_of("/v1/messages", anthropic(url), "/content/0/text"), kAnswer);
  EXPECT_EQ(value_of("/v1/messages/count_tokens", anthropic(url), "/input_tokens"),
            value_of("/v1/messages", anthropic(url), "/usage/input_tokens"));
  for (const auto& [type, field] :
       {std::pair("input_image", "image_url"), std::pair("input_file", "file_url")}) {
    const json input = content_of({{"type", type}, {field, url}}, "input_text");
    EXPECT_EQ(value_of("/v1/responses", {{"input", input}}, "/output/0/content/0/text"), kAnswer);
  }
}

TEST_F(RemotePicturesTest, AreRefusedUnlessTheOwnerAllowsThem) {
  const auto closed = make_server(std::nullopt);
  const std::size_t before = web_->requests().size();
  const ApiAnswer answer =
      post(*closed, "/v1/chat/completions", openai(web_->url() + "/hearts.jpg"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("--allow-remote-images"), std::string::npos) << answer.body;
  EXPECT_EQ(web_->requests().size(), before);
}

TEST_F(RemotePicturesTest, OfARequestHaveALimitTogether) {
  const auto bytes = std::filesystem::file_size(kDemo / "images/hearts.jpg");
  const auto narrow = make_server(net::PublicFileOptions{
      .max_bytes = bytes * 3 / 2, .may_dial = [](auto&) { return true; }, .any_port = true});
  json body = openai(web_->url() + "/hearts.jpg");
  EXPECT_EQ(post(*narrow, "/v1/chat/completions", body).status, 200);
  json& content = body["messages"][0]["content"];
  content.insert(content.begin(), content.front());
  const ApiAnswer answer = post(*narrow, "/v1/chat/completions", body);
  EXPECT_EQ(answer.status, 400) << answer.body;
  EXPECT_EQ(answer.parsed()["error"]["param"], "messages[0].content[1].image_url");
}

TEST_F(RemotePicturesTest, OfAllRequestsHaveALimitWhileTheyAreHeld) {
  RemotePictures pictures(net::PublicFileOptions{.max_bytes = 2 * kLargeBytes,
                                                 .max_time = std::chrono::minutes(10),
                                                 .may_dial = [](auto&) { return true; },
                                                 .any_port = true});
  const std::string url = web_->url() + "/large";
  ChatTask first = task_of(url), second = task_of(url), third = task_of(url);
  pictures.fetch(first, {});
  pictures.fetch(second, {});
  try {
    pictures.fetch(third, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBusy);
  }
  first = {};
  third = task_of(url);
  pictures.fetch(third, {});
  EXPECT_EQ(third.pictures[0].bytes.size(), kLargeBytes + 6);
}

TEST_F(RemotePicturesTest, AnErrorTellsNothingOfWhatIsThere) {
  const auto guarded = make_server(net::PublicFileOptions{.any_port = true});
  const std::size_t before = web_->requests().size();
  std::string first;
  for (const std::string& url : {web_->url() + "/hearts.jpg", std::string("http://127.0.0.1:1/a"),
                                 std::string("http://169.254.169.254/latest/meta-data/"),
                                 std::string("http://nowhere.invalid/a.png")}) {
    for (const char* path : {"/v1/chat/completions", "/v1/messages"}) {
      const bool is_openai = std::string(path) == "/v1/chat/completions";
      const ApiAnswer answer = post(*guarded, path, is_openai ? openai(url) : anthropic(url));
      EXPECT_EQ(answer.status, 400) << answer.body;
      const std::string message = answer.parsed().at("error").at("message");
      const std::string reason = message.substr(message.find(": ") + 2);
      if (first.empty()) first = reason;
      EXPECT_EQ(reason, first) << url;
    }
  }
  EXPECT_EQ(web_->requests().size(), before);
  const ApiAnswer page = post(*server_, "/v1/chat/completions", openai(web_->url() + "/page"));
  EXPECT_EQ(page.status, 400);
  EXPECT_EQ(page.body.find("secret"), std::string::npos) << page.body;
  EXPECT_EQ(page.parsed()["error"]["param"], "messages[0].content[0].image_url");
}

TEST_F(RemotePicturesTest, AreNotWaitedForOnceTheClientHasGone) {
  const std::string body = openai(web_->url() + "/late").dump();
  const int before = answers_;
  {
    RawClient client(server_->port());
    client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body);
    while (web_->requests().empty() || web_->requests().back().path != "/late") {
      std::this_thread::yield();
    }
  }
  while (answers_ == before) answers_.wait(before);  // the picture would come in 10 minutes
}

}  // namespace
}  // namespace oko::server
