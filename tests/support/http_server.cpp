#include "tests/support/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <thread>

namespace oko {
namespace {

/// Reads up to the empty line after the fields. Empty if the client has gone.
std::string read_head(int socket) {
  std::string head;
  char c = 0;
  while (!head.ends_with("\r\n\r\n") && ::recv(socket, &c, 1, 0) == 1) head += c;
  return head.ends_with("\r\n\r\n") ? head : "";
}

ServerRequest parse(const std::string& head) {
  ServerRequest request;
  request.method = head.substr(0, head.find(' '));
  const std::size_t path = head.find(' ') + 1;
  request.path = head.substr(path, head.find(' ', path) - path);
  for (std::size_t at = head.find("\r\n") + 2; at + 2 < head.size();) {
    const std::size_t end = head.find("\r\n", at);
    const std::size_t colon = head.find(": ", at);
    std::string name = head.substr(at, colon - at);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    request.fields[name] = head.substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  return request;
}

/// Returns false if the client has gone.
bool read_body(int socket, ServerRequest& request) {
  const std::string length = request.field("content-length");
  request.body.resize(length.empty() ? 0 : std::stoul(length));
  for (std::size_t at = 0; at < request.body.size();) {
    const ssize_t got = ::recv(socket, request.body.data() + at, request.body.size() - at, 0);
    if (got <= 0) return false;
    at += static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace

std::string ServerRequest::field(const std::string& name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> ServerRequest::range(
    std::uint64_t size) const {
  const std::string text = field("range");
  const std::string front = "bytes=";
  if (!text.starts_with(front)) return std::nullopt;
  const std::uint64_t first = std::stoull(text.substr(front.size()));
  const std::string last = text.substr(text.find('-') + 1);
  return std::pair(first,
                   last.empty() ? size : std::min<std::uint64_t>(size, std::stoull(last) + 1));
}

HttpServer::HttpServer(Handler handler) : handler_(std::move(handler)) {
  std::signal(SIGPIPE, SIG_IGN);
  listening_ = ::socket(AF_INET, SOCK_STREAM, 0);
  ::fcntl(listening_, F_SETFD, FD_CLOEXEC);  // a child would keep connections open
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(listening_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(listening_, 64), 0);
  ::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  accepting_ = JoiningThread([this] { accept_all(); });
}

HttpServer::~HttpServer() {
  stopping_ = true;
  ::shutdown(listening_, SHUT_RDWR);
  ::close(listening_);
  accepting_.join();
  {
    const MutexLock lock(mutex_);
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }
  connections_.clear();
}

std::vector<ServerRequest> HttpServer::requests() const {
  const MutexLock lock(mutex_);
  return requests_;
}

void HttpServer::accept_all() {
  while (!stopping_) {
    const int socket = ::accept(listening_, nullptr, nullptr);
    if (socket < 0) continue;
    ::fcntl(socket, F_SETFD, FD_CLOEXEC);
    const MutexLock lock(mutex_);
    sockets_.push_back(socket);
    connections_.emplace_back([this, socket] { serve(socket); });
  }
}

void HttpServer::serve(int socket) {
  const int no_delay = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof(no_delay));
  while (!stopping_) {
    const std::string head = read_head(socket);
    if (head.empty()) break;
    ServerRequest request = parse(head);
    if (!read_body(socket, request)) break;
    {
      const MutexLock lock(mutex_);
      requests_.push_back(request);
      most_at_once_ = std::max(most_at_once_.load(), ++at_once_);
    }
    const bool sent = send_reply(socket, handler_(request));
    --at_once_;
    if (!sent) break;
  }
  const MutexLock lock(mutex_);
  std::erase(sockets_, socket);
  ::close(socket);
}

void HttpServer::wait_for(std::chrono::milliseconds duration) const {
  for (auto left = duration; left.count() > 0 && !stopping_;
       left -= std::chrono::milliseconds(10)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

bool HttpServer::send_chunked(int socket, const std::string& head, const ServerReply& reply) const {
  std::ostringstream text;
  text << head << "Transfer-Encoding: chunked\r\n\r\n";
  text << std::hex << reply.body.size() << "\r\n" << reply.body << "\r\n";
  const std::string first = text.str(), last = "0\r\n\r\n";
  if (!send_all(socket, first.data(), first.size())) return false;
  wait_for(*reply.late_last_chunk);
  return send_all(socket, last.data(), last.size());
}

bool HttpServer::send_reply(int socket, const ServerReply& reply) const {
  wait_for(reply.delay);
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " -\r\n";
  for (const auto& [name, value] : reply.fields) head += name + ": " + value + "\r\n";
  if (reply.late_last_chunk) return send_chunked(socket, head, reply);
  head += "Content-Length: " + std::to_string(reply.claimed_length.value_or(reply.body.size())) +
          "\r\n\r\n";
  if (!send_all(socket, head.data(), head.size())) return false;
  const std::size_t size = std::min(reply.body.size(), reply.cut_after.value_or(reply.body.size()));
  constexpr int kStepsPerSecond = 20;
  const std::size_t step = reply.bytes_per_second == 0
                               ? size
                               : std::max<std::size_t>(1, reply.bytes_per_second / kStepsPerSecond);
  for (std::size_t at = 0; at < size && !stopping_; at += step) {
    if (!send_all(socket, reply.body.data() + at, std::min(step, size - at))) return false;
    if (reply.bytes_per_second != 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1000 / kStepsPerSecond));
    }
  }
  return !reply.cut_after && !reply.claimed_length && !stopping_;
}

bool HttpServer::send_all(int socket, const char* data, std::size_t size) const {
  while (size > 0) {
    const ssize_t sent = ::send(socket, data, size, 0);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

}  // namespace oko
