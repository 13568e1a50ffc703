#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/server/raw_client.h"

namespace oko {

inline const std::filesystem::path kDemo = std::filesystem::path(OKO_SOURCE_DIR) / "demo";

/// The answer to one request.
struct ApiAnswer {
  int status = 0;
  std::string header;
  std::string body;

  nlohmann::json parsed() const { return nlohmann::json::parse(body); }
};

/// Asks a server of this process. `headers`: lines that end in \r\n.
inline ApiAnswer ask(std::uint16_t port, const std::string& method, const std::string& path,
                     const std::string& body = "", const std::string& headers = "") {
  RawClient client(port);
  client.send(
      fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: {}\r\n"
                  "Connection: close\r\n\r\n{}",
                  method, path, headers, body.size(), body));
  const std::string all = client.read_all();
  const std::size_t end = all.find("\r\n\r\n");
  EXPECT_NE(end, std::string::npos) << all;
  if (end == std::string::npos) return {};
  return {std::stoi(all.substr(9, 3)), all.substr(0, end), all.substr(end + 4)};
}

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace oko
