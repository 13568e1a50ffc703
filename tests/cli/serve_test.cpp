// `oko serve`: its start, its end, and its messages.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "tests/server/raw_client.h"
#include "tests/support/http_server.h"
#include "tests/support/process.h"

namespace oko {
namespace {

const std::string kModel = OKO_SOURCE_DIR "/demo/models/tiny-vl";

/// A port that is free now.
std::string free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(socket);
  return std::to_string(ntohs(address.sin_port));
}

/// The words of a stream of /v1/chat/completions.
std::string words_of(const std::string& stream) {
  std::string words;
  for (std::size_t at = stream.find("data: {"); at != std::string::npos;
       at = stream.find("data: {", at + 1)) {
    const auto event =
        nlohmann::json::parse(stream.substr(at + 6, stream.find("\n\n", at) - at - 6));
    for (const auto& choice : event.at("choices")) {
      words += choice.at("delta").value("content", "");
    }
  }
  return words;
}

TEST(ServeTest, AnswersUntilItIsAskedToEnd) {
  const std::string port = free_port();
  Process process({OKO_PROGRAM, "serve", "--port", port, "--model", kModel},
                  {"LC_ALL=en_US.UTF-8"});
  ASSERT_TRUE(process.wait_for_output(60));
  RawClient client(static_cast<std::uint16_t>(std::stoi(port)));
  client.send("GET /v1/models/tiny-vl HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(client.read_answer().find("\"id\":\"tiny-vl\""), std::string::npos);
  process.signal(SIGTERM);
  const ProcessResult result = process.wait();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find("http://127.0.0.1:" + port), std::string::npos) << result.out;
  EXPECT_NE(result.err.find("GET /v1/models/tiny-vl"), std::string::npos) << result.err;
}

TEST(ServeTest, EndsStreamsUnderWayBeforeItEnds) {
  const std::string port = free_port();
  Process process({OKO_PROGRAM, "serve", "--port", port, "--model", kModel},
                  {"LC_ALL=en_US.UTF-8"});
  ASSERT_TRUE(process.wait_for_output(60));
  // The bias keeps the two tokens away that would end it, so it has as many as it may.
  const std::string body =
      R"({"model":"tiny-vl","stream":true,"max_tokens":600,"logit_bias":{"930":-100,"932":-100},)"
      R"("temperature":2,"seed":1,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Describe"}]})";
  const std::string request =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  const auto number = static_cast<std::uint16_t>(std::stoi(port));
  RawClient undisturbed(number);
  undisturbed.send(request);
  const std::string words = words_of(undisturbed.read_until("0\r\n\r\n"));
  RawClient streams[] = {RawClient(number), RawClient(number), RawClient(number)};
  for (RawClient& stream : streams) {
    stream.send(request);
    stream.read_until("\"delta\"");
  }
  streams[1].end_of_sending();
  streams[2].hang_up();
  process.signal(SIGTERM);
  for (RawClient* stream : {&streams[0], &streams[1]}) {
    const std::string answer = stream->read_all();
    EXPECT_NE(answer.find("\"completion_tokens\":600"), std::string::npos) << answer.size();
    EXPECT_EQ(words_of(answer), words);
    EXPECT_NE(answer.find("data: [DONE]"), std::string::npos);
    EXPECT_TRUE(answer.ends_with("0\r\n\r\n"));
  }
  const ProcessResult result = process.wait();
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST(ServeTest, TellsNobodyThePasswordOfItsLibrary) {
  const HttpServer cluster([](const ServerRequest&) {
    return ServerReply{.status = 404, .body = R"({"error":{"type":"index_not_found_exception"}})"};
  });
  const std::string address = "127.0.0.1:" + std::to_string(cluster.port()) + "/papers";
  const std::string port = free_port();
  Process process({OKO_PROGRAM, "serve", "--port", port, "--quiet", "--library",
                   "opensearch://reader:swordfish@" + address},
                  {"LC_ALL=en_US.UTF-8"});
  ASSERT_TRUE(process.wait_for_output(60));
  RawClient client(static_cast<std::uint16_t>(std::stoi(port)));
  client.send("GET /v1/library HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string answer = client.read_answer();
  EXPECT_NE(answer.find("\"file\":\"http://" + address + "\""), std::string::npos) << answer;
  EXPECT_NE(answer.find("\"exists\":false"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("swordfish"), std::string::npos) << answer;
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait().status, 0);
}

TEST(ServeTest, SaysWhyItDoesNotStart) {
  const std::string port = free_port();
  Process process({OKO_PROGRAM, "serve", "--port", port}, {"LC_ALL=en_US.UTF-8"});
  ASSERT_TRUE(process.wait_for_output(60));
  const auto run = [](const std::vector<std::string>& options) {
    std::vector<std::string> command{OKO_PROGRAM, "serve"};
    command.insert(command.end(), options.begin(), options.end());
    return Process(command, {"LC_ALL=ru_RU.UTF-8", "OKO_API_KEY="}).wait();
  };
  const ProcessResult in_use = run({"--port", port});
  EXPECT_EQ(in_use.status, 1);
  EXPECT_NE(in_use.err.find("порт " + port), std::string::npos) << in_use.err;
  const ProcessResult no_key = run({"--port", "0", "--host", "0.0.0.0"});
  EXPECT_EQ(no_key.status, 2);
  EXPECT_NE(no_key.err.find("--api-key"), std::string::npos) << no_key.err;
  EXPECT_EQ(run({"--port", "0", "--model", "nowhere"}).status, 5);
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait().status, 0);
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The folder in /proc of a process that `parent` has started; empty: there is none.
std::filesystem::path child_of(pid_t parent) {
  const std::string line = "PPid:\t" + std::to_string(parent) + "\n";
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    if (text_of(entry.path() / "status").find(line) != std::string::npos) return entry.path();
  }
  return {};
}

TEST(ServeTest, KeepsAConfinedProcessReadyToDecode) {
  if (OKO_SANITIZED || text_of("/proc/self/status").find("Seccomp:") == std::string::npos) {
    GTEST_SKIP() << "no filter of system calls";
  }
  Process process({OKO_PROGRAM, "serve", "--port", "0", "--model", kModel},
                  {"OKO_API_KEY=not-for-helpers"});
  ASSERT_TRUE(process.wait_for_output(60));
  const std::filesystem::path child = child_of(process.id());
  ASSERT_FALSE(child.empty());
  const auto is_confined = [&] {
    return text_of(child / "status").find("Seccomp:\t2") != std::string::npos;
  };
  for (int i = 0; i < 6000 && !is_confined(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(is_confined()) << text_of(child / "status");
  EXPECT_NE(text_of(child / "cmdline").find("--decode-for-server"), std::string::npos);
  EXPECT_EQ(text_of(child / "environ").find("not-for-helpers"), std::string::npos);
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait().status, 0);
  EXPECT_FALSE(std::filesystem::exists(child)) << "it outlives the server";
}

}  // namespace
}  // namespace oko
