#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/stop_token.h"

namespace oko {

struct ServerRequest {
  std::string method;
  std::string path;                           ///< with the query
  std::map<std::string, std::string> fields;  ///< names in lower case
  std::string body;                           ///< that Content-Length tells

  std::string field(const std::string& name) const;
  /// The bytes of a "Range: bytes=FIRST-LAST" in a file of `size` bytes, end excluded.
  std::optional<std::pair<std::uint64_t, std::uint64_t>> range(std::uint64_t size) const;
};

/// An answer, and what is wrong with it.
struct ServerReply {
  int status = 200;
  std::map<std::string, std::string> fields = {};
  std::string body = {};
  std::optional<std::uint64_t> claimed_length = {};  ///< Content-Length, if not the body's
  std::optional<std::size_t> cut_after = {};  ///< bytes of the body, then the connection is closed
  /// Sends the body as one chunk, waits so long, and sends the last chunk.
  std::optional<std::chrono::milliseconds> late_last_chunk = {};
  std::size_t bytes_per_second = 0;    ///< 0: as fast as it goes
  std::chrono::milliseconds delay{0};  ///< before the answer
};

/// A server on a free port of this machine (HTTP/1.1), with a thread a connection.
class HttpServer {
 public:
  using Handler = std::function<ServerReply(const ServerRequest&)>;

  explicit HttpServer(Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// The requests so far, in their order.
  std::vector<ServerRequest> requests() const;
  /// The most connections that had a request at once.
  int most_at_once() const { return most_at_once_; }

 private:
  void accept_all();
  void serve(int socket);
  bool send_reply(int socket, const ServerReply& reply) const;
  bool send_chunked(int socket, const std::string& head, const ServerReply& reply) const;
  void wait_for(std::chrono::milliseconds duration) const;
  bool send_all(int socket, const char* data, std::size_t size) const;

  Handler handler_;
  int listening_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> at_once_{0}, most_at_once_{0};
  mutable Mutex mutex_;
  std::vector<ServerRequest> requests_ OKO_GUARDED_BY(mutex_);
  std::vector<int> sockets_ OKO_GUARDED_BY(mutex_);
  std::vector<JoiningThread> connections_;  // of the accepting thread
  JoiningThread accepting_;
};

}  // namespace oko
