#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/stop_token.h"

namespace oko::server {

/// Values by name; names of headers are in lower case.
using HttpFields = std::map<std::string, std::string, std::less<>>;

/// A whole request of HTTP/1.
struct HttpRequest {
  /// The value of a header, by its name in lower case; empty: it is not there.
  std::string_view header(std::string_view name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string_view() : found->second;
  }

  std::string method;  ///< "GET"
  std::string path;    ///< percent-decoded, without the query: "/v1/models"
  HttpFields query;    ///< percent-decoded
  HttpFields headers;
  std::string body = {};
  std::string id = {};  ///< of the request, for logs and errors: "req_5"
};

/// What an answer begins with.
struct HttpHead {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// The answer to one request: either `send`, or `begin`, `write`... and `end`. Used by one thread.
class HttpResponse {
 public:
  virtual ~HttpResponse() = default;

  virtual void send(const HttpHead& head, std::string body) = 0;

  /// Begins an answer that comes in pieces.
  virtual void begin(const HttpHead& head) = 0;
  /// Waits while the client has not read what was written before. Throws kCancelled once it has
  /// gone.
  virtual void write(std::string_view piece) = 0;
  virtual void end() = 0;

  virtual bool has_begun() const = 0;

  /// Requested once the client has gone or the server stops at once.
  virtual StopToken stop() const = 0;
};

}  // namespace oko::server
