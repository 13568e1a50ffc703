#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "server/http_message.h"

namespace oko::server {

/// The way of an answer from the thread of a handler to that of the sockets: bytes of HTTP/1 that
/// wait to be sent. A handler waits once there are too many.
class HttpExchange final : public HttpResponse {
 public:
  struct Options {
    bool is_head = false;  ///< the answer to HEAD has no body
    bool is_http_1_0 =
        false;  ///< which has no chunks: the end of the connection is that of the body
    bool keeps_alive = true;
    std::string request_id = {};
    std::vector<std::pair<std::string, std::string>> headers = {};  ///< of any answer
  };

  /// `on_change` is called after bytes were added, and at the end, on the handler's thread.
  HttpExchange(Options options, std::function<void()> on_change);

  // For the handler.
  void send(const HttpHead& head, std::string body) override;
  void begin(const HttpHead& head) override;
  void write(std::string_view piece) override;
  void end() override;
  bool has_begun() const override;
  StopToken stop() const override { return stop_.get_token(); }
  /// The handler has returned.
  void finish();

  // For the thread of the sockets.
  /// What is to be sent next; empty: nothing yet, or all. `is_finished`: nothing will follow.
  std::string take(bool& is_finished);
  /// The client has gone, or the server stops.
  void request_stop() const { stop_.request_stop(); }
  /// Of the answer; 0: none was begun.
  int status() const;
  /// Sends what changes nothing for the client: a system whose client has gone refuses it.
  void probe();
  /// After the end: true if another request may follow on the connection.
  bool keeps_alive() const;

 private:
  enum class State { kEmpty, kBegun, kEnded };

  std::string header_text(const HttpHead& head, std::string_view length_header,
                          bool keeps_alive) const;
  void add(std::string_view bytes);
  bool uses_chunks() const { return !options_.is_http_1_0; }

  const Options options_;
  const std::function<void()> on_change_;
  StopSource stop_;
  mutable Mutex mutex_;
  ConditionVariable taken_;
  State state_ OKO_GUARDED_BY(mutex_) = State::kEmpty;
  bool is_finished_ OKO_GUARDED_BY(mutex_) = false;
  int status_ OKO_GUARDED_BY(mutex_) = 0;
  bool is_streamed_ OKO_GUARDED_BY(mutex_) = false;
  std::string pending_ OKO_GUARDED_BY(mutex_);
};

}  // namespace oko::server
