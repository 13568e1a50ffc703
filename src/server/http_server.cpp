#include "server/http_server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/mutex.h"
#include "base/stop_token.h"
#include "server/asio.h"
#include "server/http_connection.h"

namespace oko::server {
using asio::ip::tcp;

int status_of(HttpRefusal refusal) {
  switch (refusal) {
    case HttpRefusal::kMalformed:
      return 400;
    case HttpRefusal::kHeaderTooLarge:
      return 431;
    case HttpRefusal::kBodyTooLarge:
      return 413;
    case HttpRefusal::kBusy:
      return 503;
  }
  return 500;
}

namespace {

/// For handlers to end after their stop is requested.
constexpr std::chrono::milliseconds kStopTime{5'000};

}  // namespace

class HttpServer::Implementation {
 public:
  Implementation(HttpServerOptions options, HttpHandlers handlers);
  ~Implementation();

  std::uint16_t port() const { return port_; }
  bool stop(std::chrono::milliseconds patience);

 private:
  void listen();
  asio::awaitable<void> accept_connections();
  asio::awaitable<void> serve(std::shared_ptr<HttpConnection> connection);
  void refuse_connection(tcp::socket socket) const;
  bool wait_for_end(std::chrono::milliseconds patience);
  void end_one();
  void call_all(void (HttpConnection::*function)());

  HttpServerState state_;
  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::set<std::shared_ptr<HttpConnection>> connections_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::size_t running_ OKO_GUARDED_BY(mutex_) = 1;  ///< connections, and `accept_connections`
  JoiningThread thread_;                            // last: it ends before the others
};

HttpServer::Implementation::Implementation(HttpServerOptions options, HttpHandlers handlers)
    : state_{.options = std::move(options), .handlers = std::move(handlers)}, acceptor_(context_) {
  listen();
  asio::co_spawn(context_, accept_connections(), asio::detached);
  thread_ = JoiningThread([this] { context_.run(); });
}

HttpServer::Implementation::~Implementation() {
  try {
    while (!stop(std::chrono::milliseconds(0))) {
    }
  } catch (const std::exception&) {  // no memory for the order to stop
    context_.stop();
  }
}

void HttpServer::Implementation::listen() {
  const std::string& address = state_.options.address;
  SystemError error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) {
    throw Error(ErrorCode::kUsage,
                tr("{}: is not an address of this machine, such as 127.0.0.1 or ::1",
                   "{}: это не адрес этой машины, например 127.0.0.1 или ::1", address));
  }
  const tcp::endpoint endpoint(ip, state_.options.port);
  static_cast<void>(acceptor_.open(endpoint.protocol(), error));
  if (!error) {
    static_cast<void>(acceptor_.set_option(tcp::acceptor::reuse_address(true), error));
  }
  if (!error) static_cast<void>(acceptor_.bind(endpoint, error));
  if (!error) {
    static_cast<void>(acceptor_.listen(tcp::acceptor::max_listen_connections, error));
  }
  if (error == asio::error::address_in_use) {
    throw Error(
        ErrorCode::kFailed,
        tr("port {} of {} is in use: another program, or another oko, listens there",
           "порт {} адреса {} занят: его слушает другая программа или другой oko",
           state_.options.port, address),
        tr("use another one: --port {}", "выберите другой: --port {}", state_.options.port + 1));
  }
  if (error) {
    throw Error(ErrorCode::kFailed,
                tr("cannot listen on {}, port {}: {}", "не удаётся слушать {}, порт {}: {}",
                   address, state_.options.port, error.message()));
  }
  port_ = acceptor_.local_endpoint().port();
}

asio::awaitable<void> HttpServer::Implementation::accept_connections() {
  while (!state_.is_stopping) {
    SystemError error;
    tcp::socket socket(context_);
    co_await acceptor_.async_accept(socket, into(error));
    if (state_.is_stopping) break;
    if (error) {  // no descriptors are left, for one
      asio::steady_timer pause(context_, std::chrono::milliseconds(100));
      co_await pause.async_wait(into(error));
    } else if (connections_.size() >= state_.options.max_connections) {
      refuse_connection(std::move(socket));
    } else {
      auto connection = std::make_shared<HttpConnection>(std::move(socket), state_);
      connections_.insert(connection);
      {
        const MutexLock lock(mutex_);
        ++running_;
      }
      asio::co_spawn(context_, serve(std::move(connection)), asio::detached);
    }
  }
  end_one();
}

void HttpServer::Implementation::end_one() {
  {
    const MutexLock lock(mutex_);
    --running_;
  }
  changed_.notify_all();
}

asio::awaitable<void> HttpServer::Implementation::serve(
    std::shared_ptr<HttpConnection> connection) {
  try {
    co_await connection->run();
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): no memory, or no thread for
  }                                  // the request: this connection ends
  connections_.erase(connection);
  end_one();
}

void HttpServer::Implementation::refuse_connection(tcp::socket socket) const {
  static constexpr std::string_view kBusy =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n";
  SystemError error;
  static_cast<void>(socket.non_blocking(true, error));
  static_cast<void>(socket.send(asio::buffer(kBusy), 0, error));
  static_cast<void>(socket.shutdown(tcp::socket::shutdown_both, error));
}

void HttpServer::Implementation::call_all(void (HttpConnection::*function)()) {
  asio::post(context_, [this, function] {
    for (const auto& connection : connections_) (connection.get()->*function)();
  });
}

bool HttpServer::Implementation::stop(std::chrono::milliseconds patience) {
  if (!thread_.joinable()) return true;
  asio::post(context_, [this] {
    state_.is_stopping = true;
    SystemError ignored;
    static_cast<void>(acceptor_.close(ignored));
  });
  call_all(&HttpConnection::finish);
  if (!wait_for_end(patience)) {
    call_all(&HttpConnection::abort);
    if (!wait_for_end(kStopTime)) return false;
  }
  context_.stop();
  thread_.join();
  return true;
}

bool HttpServer::Implementation::wait_for_end(std::chrono::milliseconds patience) {
  const MutexLock lock(mutex_);
  return changed_.wait_for(mutex_, StopToken(), patience,
                           [this]() OKO_UNCHECKED { return running_ == 0; });
}

HttpServer::HttpServer(HttpServerOptions options, HttpHandlers handlers)
    : implementation_(std::make_unique<Implementation>(std::move(options), std::move(handlers))) {}

HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const {
  return implementation_->port();
}

bool HttpServer::stop(std::chrono::milliseconds patience) {
  return implementation_->stop(patience);
}

}  // namespace oko::server
