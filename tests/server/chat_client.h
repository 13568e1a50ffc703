#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/model_host.h"
#include "server/api_server.h"
#include "tests/server/raw_client.h"

namespace oko::server {

struct HttpAnswer {
  int status = 0;
  std::string header;
  std::string body;

  nlohmann::json parsed() const { return nlohmann::json::parse(body); }
};

/// A server of some models for the tests of a program, and a client of it.
class ChatServer {
 public:
  explicit ChatServer(std::vector<std::string> models)
      : server_(ApiServerOptions{.http = {},
                                 .access = {},
                                 .models = {.host = std::make_shared<engine::ModelHost>(
                                                engine::HostOptions{.threads = 1}),
                                            .models = std::move(models),
                                            .align = [](const auto&) {}},
                                 .version = "test",
                                 .log = {}}) {}

  /// `headers`: lines that end in \r\n.
  HttpAnswer post(const std::string& path, const std::string& body,
                  const std::string& headers = "") const {
    RawClient client(server_.port());
    client.send(
        fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: {}\r\n"
                    "Connection: close\r\n\r\n{}",
                    path, headers, body.size(), body));
    const std::string all = client.read_all();
    const std::size_t end = all.find("\r\n\r\n");
    EXPECT_NE(end, std::string::npos) << all;
    return {std::stoi(all.substr(9, 3)), all.substr(0, end), all.substr(end + 4)};
  }
  HttpAnswer post(const std::string& path, const nlohmann::json& body,
                  const std::string& headers = "") const {
    return post(path, body.dump(), headers);
  }

 private:
  ApiServer server_;
};

/// The objects of a stream of OpenAI's, without its end.
inline std::vector<nlohmann::json> events_of_stream(const std::string& chunked) {
  std::vector<nlohmann::json> events;
  for (std::size_t at = chunked.find("data: {"); at != std::string::npos;
       at = chunked.find("data: {", at + 1)) {
    events.push_back(
        nlohmann::json::parse(chunked.substr(at + 6, chunked.find("\n\n", at) - at - 6)));
  }
  return events;
}

}  // namespace oko::server
