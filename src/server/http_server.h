#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/http_message.h"

namespace oko::server {

struct HttpServerOptions {
  std::string address = "127.0.0.1";  ///< IPv4 or IPv6
  std::uint16_t port = 0;             ///< 0: one that is free

  std::size_t max_connections = 256;  ///< more are closed with 503
  std::size_t max_requests = 64;      ///< that are answered at once; more get 503
  std::uint32_t max_header_bytes = 32 * 1024;
  std::uint64_t max_body_bytes = 64 * 1024 * 1024;
  std::uint64_t max_bodies_bytes = 256 * 1024 * 1024;  ///< of all requests together

  // A client that is too slow loses its connection, without an answer.
  std::chrono::milliseconds header_timeout{10'000};  ///< for the whole header
  std::chrono::milliseconds idle_timeout{60'000};    ///< between two requests of a connection
  /// Without a byte of the body, and for the client to take what was written.
  std::chrono::milliseconds progress_timeout{30'000};
  std::chrono::milliseconds body_timeout{300'000};  ///< for the whole body
};

/// What the server refuses before a handler sees the request.
enum class HttpRefusal {
  kMalformed,       ///< 400
  kHeaderTooLarge,  ///< 431
  kBodyTooLarge,    ///< 413
  kBusy,            ///< 503: too many requests or too many bytes of bodies at once
};

/// The status of the answer to a refusal.
int status_of(HttpRefusal refusal);

/// Answers one request, on a thread of its own. An exception ends the connection.
using HttpHandler = std::function<void(HttpRequest&, HttpResponse&)>;

/// Looks at the header of a request before its body is read; true: go on. Otherwise it has answered
/// by `send`, and the connection is closed. On the thread of all connections: must not wait.
using HttpGate = std::function<bool(const HttpRequest&, HttpResponse&)>;

/// The body of the answer to a refusal; `request` has what was read of it.
using HttpRefusalBody = std::function<std::string(HttpRefusal refusal, const HttpRequest& request)>;

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpHandlers {
  HttpHandler handle;
  HttpGate gate;
  HttpRefusalBody refusal_body;
  /// Headers of every answer to a request.
  std::function<HttpHeaders(const HttpRequest&)> headers_for = [](const auto&) {
    return HttpHeaders();
  };
  /// Called after each answer, on the thread of all connections: must not wait.
  std::function<void(const HttpRequest&, int status, std::chrono::nanoseconds time)> on_answer =
      [](const auto&, int, auto) {};
};

/// HTTP/1.1 on one address. One thread serves all sockets, so a slow client costs a socket and its
/// buffers; handlers run on threads of their own. Sources of the limits: RFC 9110, 9112.
class HttpServer {
 public:
  /// Listens at once. Throws kFailed if the address cannot be had, with the reason.
  HttpServer(HttpServerOptions options, HttpHandlers handlers);
  ~HttpServer();  ///< as `stop` with no patience
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;

  /// Takes no more connections and requests, waits for those under way, at most `patience`, then
  /// requests the stop of the rest and waits for 5 seconds. False: a handler still runs, and the
  /// destructor would wait for it.
  bool stop(std::chrono::milliseconds patience);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace oko::server
