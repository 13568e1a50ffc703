#include "server/http_connection.h"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <chrono>
#include <exception>
#include <utility>

#include "base/lower_case.h"
#include "base/stop_token.h"
#include "server/asio.h"
#include "server/url.h"

namespace oko::server {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using Clock = std::chrono::steady_clock;

/// What is read of a client that is refused, and how long.
constexpr std::size_t kMostLingerBytes = 8 * 1024 * 1024;
constexpr std::chrono::seconds kLingerTime{2};

/// Bytes of a large body that are read with one call.
constexpr std::size_t kReadAtOnce = 64 * 1024;

/// Bytes of later requests that are read during one.
constexpr std::size_t kReadAhead = 4096, kMostReadAhead = 64 * 1024;

/// Between two looks at whether a client has gone that sends no more.
constexpr std::chrono::milliseconds kLookInterval{50};

/// False: the client has gone, is too slow, or the server stops.
bool is_of_request(const SystemError& error) {
  return error != http::error::end_of_stream &&
         error.category() == http::make_error_code(http::error::body_limit).category();
}

HttpRefusal refusal_of(const SystemError& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return HttpRefusal::kHeaderTooLarge;
  }
  if (error == http::error::body_limit) return HttpRefusal::kBodyTooLarge;
  return HttpRefusal::kMalformed;
}

/// Nothing but the body; false: the target is no path, or Host is not there once.
template <typename Message>
bool copy_header(const Message& message, HttpRequest& request) {
  request.method = std::string(message.method_string());
  const auto hosts = message.count(http::field::host);
  const bool has_host = hosts == 1 || (hosts == 0 && message.version() < 11);
  for (const auto& field : message) {
    auto [place, is_new] = request.headers.emplace(
        lower_case({field.name_string().data(), field.name_string().size()}),
        std::string(field.value()));
    if (!is_new) place->second += ", " + std::string(field.value());
  }
  auto target = parse_target({message.target().data(), message.target().size()});
  if (!target || !has_host) return false;
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  return true;
}

}  // namespace

/// A body's share of the memory for all.
class BodyBytes {
 public:
  explicit BodyBytes(HttpServerState& state) : state_(state) {}
  ~BodyBytes() { state_.bodies_bytes -= bytes_; }
  BodyBytes(const BodyBytes&) = delete;
  BodyBytes& operator=(const BodyBytes&) = delete;

  /// False: there is no room.
  bool grow_to(std::uint64_t bytes) {
    if (bytes <= bytes_) return true;
    if (state_.bodies_bytes + (bytes - bytes_) > state_.options.max_bodies_bytes) return false;
    state_.bodies_bytes += bytes - bytes_;
    bytes_ = bytes;
    return true;
  }

 private:
  HttpServerState& state_;
  std::uint64_t bytes_ = 0;
};

HttpConnection::HttpConnection(asio::ip::tcp::socket socket, HttpServerState& state)
    : state_(state),
      stream_(std::move(socket)),
      changed_(stream_.get_executor()),
      next_look_(stream_.get_executor()) {
  SystemError ignored;
  static_cast<void>(stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored));
}

void HttpConnection::finish() {
  if (exchange_ == nullptr) abort();
}

void HttpConnection::abort() {
  if (exchange_ != nullptr) exchange_->request_stop();
  SystemError ignored;
  static_cast<void>(stream_.socket().cancel(ignored));
  if (exchange_ == nullptr) static_cast<void>(stream_.socket().close(ignored));
}

asio::awaitable<void> HttpConnection::run() {
  bool goes_on = true;
  while (goes_on) goes_on = co_await serve_request();
  co_await close();
}

/// A socket that is closed with unread bytes is reset, and the client may lose the answer.
asio::awaitable<void> HttpConnection::close() {
  SystemError error;
  static_cast<void>(stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, error));
  stream_.expires_after(kLingerTime);
  std::size_t read = 0;
  while (!error && !state_.is_stopping && read < kMostLingerBytes) {
    buffer_.clear();
    const std::size_t bytes =
        co_await stream_.async_read_some(buffer_.prepare(kReadAtOnce), into(error));
    read += bytes;
  }
  static_cast<void>(stream_.socket().close(error));
}

asio::awaitable<bool> HttpConnection::read_header(Parser& parser) {
  SystemError error;
  if (buffer_.size() == 0) {  // no deadline of a header before its first byte
    stream_.expires_after(state_.options.idle_timeout);
    buffer_.shrink_to_fit();  // of the body before
    const std::size_t bytes = co_await stream_.async_read_some(buffer_.prepare(4096), into(error));
    if (error) co_return false;
    buffer_.commit(bytes);
  }
  stream_.expires_after(state_.options.header_timeout);
  co_await http::async_read_header(stream_, buffer_, parser, into(error));
  if (!error) co_return true;
  if (!is_of_request(error)) co_return false;
  HttpRequest request;
  request.id = next_id();
  copy_header(parser.get(), request);
  co_await refuse(refusal_of(error), request);
  co_return false;
}

asio::awaitable<HttpConnection::Body> HttpConnection::read_body(Parser& parser,
                                                                HttpRefusal& refusal) {
  SystemError error;
  const auto deadline = Clock::now() + state_.options.body_timeout;
  if (parser.content_length_remaining().value_or(kReadAtOnce) > kReadAhead) {
    buffer_.reserve(kReadAtOnce);  // a read takes what it has room for
  }
  while (!parser.is_done()) {
    stream_.expires_at(std::min(Clock::now() + state_.options.progress_timeout, deadline));
    co_await http::async_read_some(stream_, buffer_, parser, into(error));
    if (error == http::error::need_buffer) error = {};
    if (error) {
      refusal = refusal_of(error);
      co_return is_of_request(error) ? Body::kRefused : Body::kBroken;
    }
  }
  co_return Body::kWhole;
}

asio::awaitable<bool> HttpConnection::serve_request() {
  Parser parser;
  parser.header_limit(state_.options.max_header_bytes);
  parser.body_limit(state_.options.max_body_bytes);
  const bool has_header = co_await read_header(parser);
  if (!has_header) co_return false;

  HttpRequest request;
  request.id = next_id();
  if (!copy_header(parser.get(), request)) {
    co_await refuse(HttpRefusal::kMalformed, request);
    co_return false;
  }
  const auto gate = make_exchange(request, parser.get().version(), false);
  if (!state_.handlers.gate(request, *gate)) {
    gate->finish();
    co_await send_pending(*gate);
    state_.handlers.on_answer(request, gate->status(), {});
    co_return false;
  }

  // Of other codings nobody but the sender knows where the body ends (RFC 9112, 6.3).
  const std::string coding = lower_case(request.header("transfer-encoding"));
  if (!coding.empty() && coding != "chunked") {
    co_await refuse(HttpRefusal::kMalformed, request);
    co_return false;
  }
  BodyBytes room(state_);
  const auto length = parser.content_length();
  // A body without a length may take as much as one may.
  const std::uint64_t most = length             ? *length
                             : parser.chunked() ? state_.options.max_body_bytes
                                                : 0;
  if (most > state_.options.max_body_bytes || !room.grow_to(most)) {
    const auto refusal =
        most > state_.options.max_body_bytes ? HttpRefusal::kBodyTooLarge : HttpRefusal::kBusy;
    co_await refuse(refusal, request);
    co_return false;
  }
  if (lower_case(request.header("expect")) == "100-continue") {
    SystemError error;
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    stream_.expires_after(state_.options.progress_timeout);
    co_await asio::async_write(stream_, asio::buffer(kContinue), into(error));
    if (error) co_return false;
  }
  HttpRefusal refusal{};
  const Body body = co_await read_body(parser, refusal);
  if (body == Body::kRefused) co_await refuse(refusal, request);
  if (body != Body::kWhole) co_return false;
  request.body = std::move(parser.get().body());
  if (state_.requests >= state_.options.max_requests) {
    co_await refuse(HttpRefusal::kBusy, request);
    co_return false;
  }
  const bool goes_on = co_await answer(parser, std::move(request));
  co_return goes_on;
}

asio::awaitable<void> HttpConnection::refuse(HttpRefusal refusal, const HttpRequest& request) {
  const auto exchange = make_exchange(request, 11, false);
  HttpHead head{.status = status_of(refusal)};
  if (refusal == HttpRefusal::kBusy) head.headers.emplace_back("Retry-After", "1");
  exchange->send(head, state_.handlers.refusal_body(refusal, request));
  exchange->finish();
  co_await send_pending(*exchange);
  state_.handlers.on_answer(request, head.status, {});
}

std::shared_ptr<HttpExchange> HttpConnection::make_exchange(const HttpRequest& request,
                                                            unsigned version, bool keeps_alive) {
  HttpExchange::Options options{.is_head = request.method == "HEAD",
                                .is_http_1_0 = version < 11,
                                .keeps_alive = keeps_alive,
                                .request_id = request.id,
                                .headers = state_.handlers.headers_for(request)};
  return std::make_shared<HttpExchange>(
      std::move(options), [weak = weak_from_this(), executor = stream_.get_executor()] {
        asio::post(executor, [weak] {
          if (const auto self = weak.lock()) self->changed_.cancel();
        });
      });
}

asio::awaitable<bool> HttpConnection::answer(Parser& parser, HttpRequest request) {
  const bool keeps_alive = parser.keep_alive() && !state_.is_stopping;
  exchange_ = make_exchange(request, parser.get().version(), keeps_alive);
  const auto begun = Clock::now();
  JoiningThread handler([&request, exchange = exchange_, &state = state_] {
    try {
      state.handlers.handle(request, *exchange);
    } catch (const std::exception&) {
      exchange->request_stop();  // the connection ends in the middle of the answer
    }
    exchange->finish();
  });
  ++state_.requests;
  watch_for_end();
  bool is_sent = false;
  try {
    is_sent = co_await send_pending(*exchange_);
  } catch (const std::exception&) {  // or the handler waits for ever to write
    exchange_->request_stop();
  }
  handler.join();
  --state_.requests;
  state_.handlers.on_answer(request, exchange_->status(), Clock::now() - begun);
  const bool goes_on = is_sent && exchange_->keeps_alive() && !state_.is_stopping;
  exchange_ = nullptr;
  co_return goes_on;
}

asio::awaitable<bool> HttpConnection::send_pending(HttpExchange& exchange) {
  bool is_broken = false;
  while (true) {
    bool is_finished = false;
    const std::string bytes = exchange.take(is_finished);
    SystemError error;
    if (!bytes.empty()) {
      if (is_broken) continue;
      stream_.expires_after(state_.options.progress_timeout);
      co_await asio::async_write(stream_, asio::buffer(bytes), into(error));
      stream_.expires_never();
      is_broken = static_cast<bool>(error);
      if (is_broken) exchange.request_stop();
    } else if (is_finished) {
      co_return !is_broken;
    } else {
      changed_.expires_at(Clock::time_point::max());
      co_await changed_.async_wait(into(error));
    }
  }
}

void HttpConnection::watch_for_end() {
  if (is_watched_) return;
  is_watched_ = true;
  stream_.socket().async_wait(
      asio::ip::tcp::socket::wait_read, [self = shared_from_this()](const SystemError& error) {
        self->is_watched_ = false;
        if (error || self->exchange_ == nullptr) return;
        // What comes is of the next request.
        const auto place = self->buffer_.prepare(kReadAhead);
        const auto read = ::recv(self->stream_.socket().native_handle(), place.data(), place.size(),
                                 MSG_DONTWAIT);
        const bool is_broken = read < 0 && errno != EAGAIN && errno != EINTR;
        if (read > 0) self->buffer_.commit(static_cast<std::size_t>(read));
        if (is_broken) {
          self->exchange_->request_stop();
        } else if (read == 0) {
          self->ask_whether_gone();
        } else if (self->buffer_.size() < kMostReadAhead) {
          self->watch_for_end();
        }
      });
}

/// The end of what a client sends does not tell whether it still reads (RFC 9112), but the
/// system of one that has gone answers any byte with an error.
void HttpConnection::ask_whether_gone() {
  exchange_->probe();
  look_whether_gone();
}

void HttpConnection::look_whether_gone() {
  if (exchange_ == nullptr) return;
  int failure = 0;
  socklen_t size = sizeof(failure);
  const bool has_gone =
      ::getsockopt(stream_.socket().native_handle(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0 ||
      failure != 0;
  if (has_gone) {
    exchange_->request_stop();
    return;
  }
  next_look_.expires_after(kLookInterval);
  next_look_.async_wait([weak = weak_from_this()](const SystemError& error) {
    const auto self = weak.lock();
    if (!error && self) self->look_whether_gone();
  });
}

}  // namespace oko::server
