#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "server/http_exchange.h"
#include "server/http_server.h"

namespace oko::server {

/// What the connections of a server share. On the thread of the sockets, but `requests`.
struct HttpServerState {
  HttpServerOptions options;
  HttpHandlers handlers;
  bool is_stopping = false;
  std::size_t requests = 0;        ///< whose handler runs
  std::uint64_t bodies_bytes = 0;  ///< in memory
  std::uint64_t last_request = 0;
};

/// A client's socket: reads requests, one after the other, and sends the answers. All functions on
/// the thread of the sockets.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(boost::asio::ip::tcp::socket socket, HttpServerState& state);

  /// Serves it to its end.
  boost::asio::awaitable<void> run();

  /// Closes it if no request is under way, else after its answer.
  void finish();
  /// Requests the stop of the request under way, too.
  void abort();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  enum class Body { kWhole, kRefused, kBroken };

  /// Serves one request; false: the connection ends.
  boost::asio::awaitable<bool> serve_request();
  boost::asio::awaitable<bool> read_header(Parser& parser);
  boost::asio::awaitable<Body> read_body(Parser& parser, HttpRefusal& refusal);
  boost::asio::awaitable<void> refuse(HttpRefusal refusal, const HttpRequest& request);
  boost::asio::awaitable<bool> answer(Parser& parser, HttpRequest request);
  boost::asio::awaitable<bool> send_pending(HttpExchange& exchange);
  std::shared_ptr<HttpExchange> make_exchange(const HttpRequest& request, unsigned version,
                                              bool keeps_alive);
  void watch_for_end();
  /// After the client has sent its last byte: stops the request under way if the client has gone.
  void ask_whether_gone();
  void look_whether_gone();
  std::string next_id() const { return "req_" + std::to_string(++state_.last_request); }
  boost::asio::awaitable<void> close();

  HttpServerState& state_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  boost::asio::steady_timer changed_;       ///< cancelled when the exchange has changed
  boost::asio::steady_timer next_look_;     ///< of `look_whether_gone`
  std::shared_ptr<HttpExchange> exchange_;  ///< of the request under way
  bool is_watched_ = false;                 ///< a wait for the end of the connection is under way
};

}  // namespace oko::server
