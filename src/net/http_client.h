#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/stop_token.h"
#include "net/byte_ranges.h"

struct sockaddr;

namespace oko::net {

/// Of a request whose address a stranger has named. No proxy is asked, and no redirect is followed.
struct DialGuard {
  /// Called with each address before it is dialled; false: it is not.
  std::function<bool(const sockaddr&)> may_dial;
  std::vector<std::string> known_hosts = {};  ///< in place of DNS: "name:port:address,address"
};

/// A request. Redirects of GET are followed, from https only to https.
struct HttpRequest {
  std::string url;
  std::string token = {};  ///< bearer token, for the scheme, host and port of `url` only; may be ""
  std::optional<ByteRange> range = {};
  std::string method = "GET";
  std::string body = {};      ///< may be "", also of GET
  std::string type = {};      ///< of `body`, as Content-Type
  std::string user = {};      ///< of basic authentication, in place of `token`; "" : none
  std::string password = {};  ///< never shown
  std::optional<DialGuard> guard = {};
};

/// The head of an answer: the last one, after redirects.
struct HttpHead {
  int status = 0;
  std::map<std::string, std::string> fields;  ///< names in lower case
  std::string url;                            ///< that answered

  /// Of a field, with its name in lower case. Empty if there is none.
  std::string field(const std::string& name) const;
};

/// True if the body is undone of a compression that nobody has asked for, so that the length in the
/// head is not its own.
bool is_compressed(const HttpHead& head);

/// True for a status that another try may change.
bool is_transient_status(int status);

/// Takes an answer as it comes. A function that returns false ends the request. They may throw.
struct HttpReceiver {
  std::function<bool(const HttpHead&)> on_head = {};  ///< before the first byte; may be empty
  std::function<bool(std::span<const std::byte>)> on_body = {};
};

/// How a request ended.
struct HttpResult {
  HttpHead head;
  bool complete = false;                                 ///< all bytes of the answer came
  bool refused = false;                                  ///< the receiver returned false
  LocalizedText failure;                                 ///< reason, if neither
  LocalizedText hint;                                    ///< about `failure`; may be empty
  bool is_transient = false;                             ///< the failure or the status: ask again
  std::optional<std::chrono::seconds> retry_after = {};  ///< that the server asks for
};

struct HttpOptions {
  std::chrono::milliseconds first_delay{500};  ///< before the second try; then twice as long each
  int tries = 6;                               ///< without a byte of progress
  std::chrono::seconds connect_timeout{20};
  std::chrono::seconds silence{30};       ///< with next to no bytes, after which it counts as cut
  std::chrono::seconds whole_answer{60};  ///< of `fetch`, for one try
  std::chrono::seconds whole_list{180};   ///< for all pages of a list of files
  std::chrono::seconds most_wait{120};    ///< at the server's request (Retry-After)
  /// Called with the reason before a wait for the next try of a request. May be empty.
  std::function<void(const LocalizedText&)> on_retry = {};
};

/// The waits between tries of one request.
class Backoff {
 public:
  explicit Backoff(const HttpOptions& options) : options_(options) {}

  /// The time to wait before the next try, at least `asked`. Nothing: no more tries, or the server
  /// asks for more time than a user would wait.
  std::optional<std::chrono::milliseconds> next(std::optional<std::chrono::seconds> asked);
  /// Call it when bytes have come.
  void reset() { failures_ = 0; }

 private:
  HttpOptions options_;
  int failures_ = 0;
};

/// HTTP requests on one thread, several at once (libcurl's multi interface). Proxies are those of
/// the environment: https_proxy, http_proxy, no_proxy.
class HttpClient {
 public:
  explicit HttpClient(HttpOptions options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  const HttpOptions& options() const { return options_; }

  /// Starts a request, which runs in `wait`. `limit`: of its time; 0: none. Throws kFailed: not a
  /// URL.
  void start(int id, const HttpRequest& request, HttpReceiver receiver,
             std::chrono::seconds limit = {});
  int running() const;

  struct Ended {
    int id = 0;
    HttpResult result;
  };
  /// Runs the requests until one has ended, at most `patience`. Throws kCancelled, and what a
  /// receiver has thrown.
  std::optional<Ended> wait(std::chrono::milliseconds patience, const StopToken& stop);

  struct Answer {
    HttpResult result;
    std::string body;
  };
  /// One request with its tries, whose answer of any status has at most `max_bytes`. No other may
  /// run. Throws kFailed: no answer, or a larger one; kCancelled.
  Answer fetch(const HttpRequest& request, std::size_t max_bytes, const StopToken& stop);

 private:
  struct Transfer;
  struct Multi;

  HttpOptions options_;
  std::unique_ptr<Multi> multi_;
};

/// Waits, unless a stop is requested. Throws kCancelled.
void sleep_for(std::chrono::milliseconds duration, const StopToken& stop);

/// Tells `options.on_retry` why a request is tried again.
void report_retry(const HttpOptions& options, const HttpResult& result);

/// The error of a request without a complete answer. Throws kFailed.
[[noreturn]] void throw_unanswered(const HttpRequest& request, const HttpResult& result);

/// `url` for messages: without a user, a password and a query, which may be secret.
std::string shown_url(const std::string& url);

}  // namespace oko::net
