// Clients that hang up at any moment: the next answer is as if they had never come.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>

#include "base/base64.h"
#include "engine/model_host.h"
#include "server/api_server.h"
#include "tests/server/api_client.h"
#include "tests/server/raw_client.h"

namespace oko::server {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kImages = fs::path(OKO_SOURCE_DIR) / "demo";
constexpr const char* kQuestion = "Describe this image.";

struct StreamedChat {
  const char* path;
  json body;
};

/// The same question of three protocols.
std::vector<StreamedChat> streamed_chats() {
  const std::string picture = base64_of(bytes_of(kImages / "images/hearts.jpg"));
  const auto user = [](json content) {
    return json::array({{{"role", "user"}, {"content", std::move(content)}}});
  };
  const json text{{"type", "text"}, {"text", kQuestion}};
  const json url{{"type", "image_url"},
                 {"image_url", {{"url", "data:image/jpeg;base64," + picture}}}};
  const json source{
      {"type", "image"},
      {"source", {{"type", "base64"}, {"media_type", "image/jpeg"}, {"data", picture}}}};
  json ollama = user(kQuestion);
  ollama[0]["images"] = json::array({picture});
  return {{"/v1/chat/completions",
           {{"model", "tiny-vl"}, {"stream", true}, {"messages", user({url, text})}}},
          {"/api/chat", {{"model", "tiny-vl"}, {"messages", ollama}}},
          {"/v1/messages",
           {{"model", "tiny-vl"},
            {"stream", true},
            {"max_tokens", 64},
            {"messages", user({source, text})}}}};
}

/// The text of a stream of any of them; nothing if it has no end.
std::string text_of_stream(const std::string& answer) {
  std::string text;
  bool has_ended = false;
  for (std::size_t at = answer.find('{'); at != std::string::npos; at = answer.find("{\"", at)) {
    const std::size_t end = std::min(answer.find('\n', at), answer.size());
    const json event = json::parse(answer.substr(at, end - at));
    at = end;
    const json delta = event.contains("choices")   ? event["choices"][0]["delta"]
                       : event.contains("message") ? event["message"]
                                                   : event.value("delta", json::object());
    for (const char* name : {"content", "text"}) {
      if (delta.contains(name) && delta[name].is_string()) text += delta[name].get<std::string>();
    }
    has_ended |= event.value("done", false) || event.value("type", "") == "message_stop" ||
                 answer.find("[DONE]", at) != std::string::npos;
  }
  return has_ended ? text : "no end: " + text;
}

std::size_t open_descriptors() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/dev/fd"), fs::directory_iterator()));
}

/// Waits for what other threads do, with patience for a loaded machine.
template <typename Condition>
bool comes_true(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// Sends a part of a request, or all of it and reads a part of the answer, and goes.
void hang_up_somewhere(std::uint16_t port, const std::string& request, std::size_t answer_bytes,
                       std::mt19937_64& random) {
  RawClient client(port);
  switch (random() % 4) {
    case 0:
      client.send(request.substr(0, random() % request.size()));
      break;
    case 1:
      client.send(request);
      break;
    case 2:
      client.send(request);
      client.read_until("\r\n\r\n");
      break;
    default:
      client.send(request);
      client.read_bytes(random() % answer_bytes);
      break;
  }
  if (random() % 2 == 0) client.reset();
}

TEST(HangUpTest, LeavesTheNextAnswerAsItWas) {
  const auto host = std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1});
  const ApiServer server({.http = {},
                          .access = {},
                          .models = {.host = host,
                                     .models = {kImages / "models/tiny-vl"},
                                     .align = [](const auto&) {}},
                          .read_text = tasks::ReadText::kNever,
                          .version = "test",
                          .log = {}});
  const std::vector<StreamedChat> chats = streamed_chats();
  const auto text_of = [&](const StreamedChat& chat, std::size_t& bytes) {
    const ApiAnswer answer = ask(server.port(), "POST", chat.path, chat.body.dump());
    bytes = answer.header.size() + answer.body.size();
    return text_of_stream(answer.body);
  };
  std::size_t bytes = 0;
  for (const StreamedChat& chat : chats) EXPECT_EQ(text_of(chat, bytes), "Four red hearts.");
  EXPECT_TRUE(comes_true([&] { return host->memory_budget().transient_bytes() == 0; }));
  const std::size_t descriptors = open_descriptors();
  std::mt19937_64 random(23);
  for (std::size_t i = 0; i < 50; ++i) {
    const StreamedChat& chat = chats[i % chats.size()];
    const std::string body = chat.body.dump();
    const std::string request = fmt::format(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
        chat.path, body.size(), body);
    hang_up_somewhere(server.port(), request, bytes, random);
    EXPECT_EQ(text_of(chat, bytes), "Four red hearts.") << chat.path << ", time " << i;
  }
  EXPECT_TRUE(comes_true([&] { return host->memory_budget().transient_bytes() == 0; }));
  EXPECT_TRUE(comes_true([&] { return open_descriptors() <= descriptors; }));
}

}  // namespace
}  // namespace oko::server
