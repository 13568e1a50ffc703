#include "server/http_exchange.h"

#include <fmt/format.h>

#include <boost/beast/http/status.hpp>
#include <ctime>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/text_escape.h"

namespace oko::server {
namespace {

/// Bytes that may wait for a slow client before its handler waits.
constexpr std::size_t kMostPending = 256 * 1024;

std::string date_header() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[64];
  std::strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
  return text;
}

}  // namespace

HttpExchange::HttpExchange(Options options, std::function<void()> on_change)
    : options_(std::move(options)), on_change_(std::move(on_change)) {}

std::string HttpExchange::header_text(const HttpHead& head, std::string_view length_header,
                                      bool keeps_alive) const {
  namespace http = boost::beast::http;
  const auto reason =
      http::obsolete_reason(http::int_to_status(static_cast<unsigned>(head.status)));
  std::string text = fmt::format("HTTP/1.1 {} {}\r\n", head.status,
                                 std::string_view(reason.data(), reason.size()));
  text += date_header();
  if (!head.content_type.empty()) {
    text += fmt::format("Content-Type: {}\r\n", one_line(head.content_type));
  }
  for (const auto* headers : {&options_.headers, &head.headers}) {
    for (const auto& [name, value] : *headers) {
      text += fmt::format("{}: {}\r\n", name, one_line(value));
    }
  }
  if (!options_.request_id.empty())
    text += fmt::format("X-Request-Id: {}\r\n", options_.request_id);
  text += length_header;
  text += keeps_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return text;
}

void HttpExchange::add(std::string_view bytes) {
  {
    const MutexLock lock(mutex_);
    pending_ += bytes;
  }
  on_change_();
}

void HttpExchange::send(const HttpHead& head, std::string body) {
  // 304 would have to name the length of 200 (RFC 9110, 8.6).
  const bool has_length = head.status != 204 && head.status != 304;
  std::string text = header_text(
      head, has_length ? fmt::format("Content-Length: {}\r\n", body.size()) : std::string(),
      options_.keeps_alive);
  if (!options_.is_head) text += body;
  {
    const MutexLock lock(mutex_);
    state_ = State::kEnded;
    status_ = head.status;
  }
  add(text);
}

void HttpExchange::begin(const HttpHead& head) {
  const std::string text = header_text(head, uses_chunks() ? "Transfer-Encoding: chunked\r\n" : "",
                                       options_.keeps_alive && uses_chunks());
  {
    const MutexLock lock(mutex_);
    state_ = State::kBegun;
    status_ = head.status;
    is_streamed_ = true;
    pending_ += text;
  }
  on_change_();
}

void HttpExchange::write(std::string_view piece) {
  if (piece.empty() || options_.is_head) return;
  {
    const MutexLock lock(mutex_);
    taken_.wait(mutex_, stop_.get_token(),
                [&]() OKO_REQUIRES(mutex_) { return pending_.size() < kMostPending; });
  }
  throw_if_stopped(stop_.get_token());
  if (uses_chunks()) {
    add(fmt::format("{:x}\r\n{}\r\n", piece.size(), piece));
  } else {
    add(piece);
  }
}

void HttpExchange::end() {
  {
    const MutexLock lock(mutex_);
    state_ = State::kEnded;
  }
  if (uses_chunks() && !options_.is_head) add("0\r\n\r\n");
}

int HttpExchange::status() const {
  const MutexLock lock(mutex_);
  return status_;
}

bool HttpExchange::has_begun() const {
  const MutexLock lock(mutex_);
  return state_ != State::kEmpty;
}

void HttpExchange::finish() {
  {
    const MutexLock lock(mutex_);
    is_finished_ = true;
  }
  on_change_();
}

std::string HttpExchange::take(bool& is_finished) {
  std::string bytes;
  {
    const MutexLock lock(mutex_);
    bytes.swap(pending_);
    is_finished = is_finished_;
  }
  taken_.notify_all();
  return bytes;
}

void HttpExchange::probe() {
  if (!uses_chunks()) return;  // nothing of HTTP/1.0 is left alone
  std::string_view bytes;
  {
    const MutexLock lock(mutex_);
    if (state_ == State::kEmpty) bytes = "HTTP/1.1 102 Processing\r\n\r\n";  // RFC 9110, 15.2
    // The next chunk's size begins with it; the answer to HEAD has no chunks.
    if (state_ == State::kBegun && !options_.is_head) bytes = "0";
    pending_ += bytes;
  }
  if (!bytes.empty()) on_change_();
}

bool HttpExchange::keeps_alive() const {
  const MutexLock lock(mutex_);
  return options_.keeps_alive && state_ == State::kEnded && !(is_streamed_ && !uses_chunks());
}

}  // namespace oko::server
