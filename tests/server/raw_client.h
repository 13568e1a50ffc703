#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace oko {

/// A client of HTTP that sends what a test says, byte by byte.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~RawClient() { hang_up(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  /// False once the server does not take more.
  bool send(std::string_view text) const {
    while (!text.empty()) {
      const auto sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Reads until `text` has come; all that has come so far, or to the end of the connection.
  std::string read_until(std::string_view text) {
    while (read_.find(text) == std::string::npos && read_some()) {
    }
    return read_;
  }
  /// Reads until at least so many bytes have come.
  std::string read_bytes(std::size_t count) {
    while (read_.size() < count && read_some()) {
    }
    return read_;
  }
  std::string read_all() {
    while (read_some()) {
    }
    return read_;
  }
  /// Reads one answer with Content-Length, and forgets it.
  std::string read_answer() {
    read_until("\r\n\r\n");
    const std::size_t header = read_.find("\r\n\r\n") + 4;
    const std::size_t length = read_.find("Content-Length: ");
    EXPECT_LT(length, header) << read_;
    const std::size_t size = header + std::stoul(read_.substr(length + 16));
    while (read_.size() < size && read_some()) {
    }
    const std::string answer = read_.substr(0, size);
    read_.erase(0, size);
    return answer;
  }

  void hang_up() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  /// Hangs up without a word: the server's next bytes find nobody.
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    hang_up();
  }
  void end_of_sending() const { ::shutdown(socket_, SHUT_WR); }

 private:
  bool read_some() {
    char bytes[65536];
    const auto count = ::recv(socket_, bytes, sizeof(bytes), 0);
    if (count <= 0) return false;
    read_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  int socket_;
  std::string read_;
};

}  // namespace oko
