#include "mcp/http.h"

#include <fmt/format.h>

#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/base64.h"
#include "base/lower_case.h"
#include "base/mutex.h"
#include "base/stop_token.h"
#include "server/api_error.h"
#include "server/http_message.h"

namespace oko::mcp {
namespace {

using server::HttpRequest;
using server::HttpResponse;

constexpr const char* kVersionHeader = "mcp-protocol-version";
constexpr const char* kSessionHeader = "mcp-session-id";

/// Of the versions with a handshake, whose clients take the status of a response for that of the
/// transport.
int handshake_status(const Json& response) {
  const int code = error_code_of(response);
  return code == kParseError || code == kUnsupportedVersion ? 400 : 200;
}

/// MCP 2026-07-28, "Streamable HTTP".
int envelope_status(const Json& response) {
  const int code = error_code_of(response);
  return code == 0 ? 200 : code == kMethodNotFound ? 404 : 400;
}

/// The value of a header, which is in "=?base64?...?=" if it is not of plain ASCII.
std::optional<std::string> header_value(std::string_view text) {
  constexpr std::string_view kBegin = "=?base64?", kEnd = "?=";
  if (!text.starts_with(kBegin) || !text.ends_with(kEnd) ||
      text.size() < kBegin.size() + kEnd.size()) {
    return std::string(text);
  }
  text.remove_prefix(kBegin.size());
  text.remove_suffix(kEnd.size());
  return bytes_of_base64(text);
}

/// The headers say what the message says, so that a proxy can go by them; else the error.
std::optional<ProtocolError> header_mismatch(const HttpRequest& http, const Message& message) {
  const auto mismatch = [&](const char* header) {
    return ProtocolError{.code = kHeaderMismatch,
                         .message = tr("the header {} is not what the message says",
                                       "заголовок {} не такой, как в сообщении", header)
                                        .in(server::language_of(http)),
                         .id = message.id};
  };
  const auto meta = message.params.find("_meta");
  const RequestJson version = meta != message.params.end() && meta->is_object()
                                  ? meta->value(kProtocolVersionKey, RequestJson())
                                  : RequestJson();
  if (version.is_string() && version != http.header(kVersionHeader))
    return mismatch(kVersionHeader);
  if (http.header("mcp-method") != message.method) return mismatch("mcp-method");
  const auto name = message.params.find("name");
  const bool has_name = message.method == "tools/call" && name != message.params.end();
  if (has_name && *name != header_value(http.header("mcp-name")).value_or("")) {
    return mismatch("mcp-name");
  }
  return std::nullopt;
}

/// A name for the messages of one client, which nobody else can guess.
std::string new_session_id() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) id += fmt::format("{:08x}", random());
  return id;
}

/// Calls under way of clients with a handshake: they stop a call by a request of its own.
class RunningCalls {
 public:
  void add(const std::string& key, const StopSource& source) {
    const MutexLock lock(mutex_);
    calls_.emplace(key, source);
  }
  /// Forgets the calls whose stop was requested.
  void remove_stopped(const std::string& key) {
    const MutexLock lock(mutex_);
    const auto [begin, end] = calls_.equal_range(key);
    for (auto each = begin; each != end;) {
      each = each->second.stop_requested() ? calls_.erase(each) : std::next(each);
    }
  }
  void stop(const std::string& key) {
    std::vector<StopSource> sources;
    {
      const MutexLock lock(mutex_);
      const auto [begin, end] = calls_.equal_range(key);
      for (auto each = begin; each != end; ++each) sources.push_back(each->second);
    }
    for (const StopSource& each : sources) each.request_stop();
  }

 private:
  Mutex mutex_;
  std::multimap<std::string, StopSource> calls_ OKO_GUARDED_BY(mutex_);
};

/// One of them, while it lives.
class RunningCall {
 public:
  /// `gone`: the client has hung up.
  RunningCall(RunningCalls& calls, std::string key, const StopToken& gone)
      : calls_(calls), key_(std::move(key)), forward_(gone, [this] { source_.request_stop(); }) {
    if (!key_.empty()) calls_.add(key_, source_);
  }
  ~RunningCall() {
    source_.request_stop();
    if (!key_.empty()) calls_.remove_stopped(key_);
  }
  RunningCall(const RunningCall&) = delete;
  RunningCall& operator=(const RunningCall&) = delete;

  StopToken stop() const { return source_.get_token(); }

 private:
  RunningCalls& calls_;
  std::string key_;
  StopSource source_;
  StopCallback<std::function<void()>> forward_;
};

/// Of a call among those of all clients; empty: its client has no session, so that it cannot be
/// told from others' calls, and is stopped by hanging up alone.
std::string call_key(const HttpRequest& http, const RequestJson& id) {
  const std::string session(http.header(kSessionHeader));
  return session.empty() ? "" : session + " " + server::dump(id);
}

/// Sends a response, after notifications about it as events if there were any.
class Answer {
 public:
  Answer(const HttpRequest& http, HttpResponse& response)
      : response_(response),
        takes_events_(lower_case(http.header("accept")).find("text/event-stream") !=
                      std::string::npos) {}

  void notify(const Json& message) {
    if (!takes_events_) return;
    if (!response_.has_begun()) {
      response_.begin({.content_type = "text/event-stream",
                       .headers = {{"Cache-Control", "no-cache, no-transform"}}});
    }
    write(message);
  }

  void send(const server::HttpHead& head, const Json& message) {
    if (!response_.has_begun()) return response_.send(head, server::dump(message));
    write(message);
    response_.end();
  }

 private:
  void write(const Json& message) {
    response_.write("event: message\ndata: " + server::dump(message) + "\n\n");
  }

  HttpResponse& response_;
  bool takes_events_;
};

/// The route's handler, for all clients.
class Endpoint {
 public:
  explicit Endpoint(std::shared_ptr<const Server> server) : server_(std::move(server)) {}

  void handle(const HttpRequest& http, HttpResponse& response) {
    const Language language = server::language_of(http);
    const auto parsed = parse_message(http.body, language);
    if (const auto* error = std::get_if<ProtocolError>(&parsed)) {
      return response.send({.status = 400}, server::dump(response_of(*error)));
    }
    const auto& message = std::get<Message>(parsed);
    const std::string version(http.header(kVersionHeader));
    const bool is_known =
        version.empty() || version == kEnvelopeVersion || is_handshake_version(version);
    const bool is_handshake = version != kEnvelopeVersion && !has_envelope(message);
    if (!is_known && (is_handshake || message.kind != MessageKind::kRequest)) {
      return response.send(
          {.status = 400},
          server::dump(response_of(unsupported_version(message.id, version, language))));
    }
    if (message.kind != MessageKind::kRequest) {
      if (is_handshake) take_notification(http, message);
      return response.send({.status = 202, .content_type = ""}, "");
    }
    Answer answer(http, response);
    is_handshake ? answer_handshake(http, message, answer, response.stop())
                 : answer_envelope(http, message, answer, response.stop());
  }

 private:
  void take_notification(const HttpRequest& http, const Message& message) {
    if (message.method != "notifications/cancelled") return;
    const auto id = message.params.find("requestId");
    if (id == message.params.end() || http.header(kSessionHeader).empty()) return;
    calls_.stop(call_key(http, *id));
  }

  void answer_handshake(const HttpRequest& http, const Message& message, Answer& answer,
                        const StopToken& gone) {
    server::HttpHead head;
    if (message.method == "initialize") head.headers = {{"Mcp-Session-Id", new_session_id()}};
    const RunningCall call(calls_, call_key(http, message.id), gone);
    const Json response = server_->answer(message, exchange_for(http, call.stop(), answer));
    head.status = handshake_status(response);
    answer.send(head, response);
  }

  void answer_envelope(const HttpRequest& http, const Message& message, Answer& answer,
                       const StopToken& gone) {
    const std::optional<ProtocolError> mismatch = header_mismatch(http, message);
    const Json response = mismatch ? response_of(*mismatch)
                                   : server_->answer(message, exchange_for(http, gone, answer));
    answer.send({.status = envelope_status(response)}, response);
  }

  static Exchange exchange_for(const HttpRequest& http, const StopToken& stop, Answer& answer) {
    return {.language = server::language_of(http),
            .stop = stop,
            .version = std::string(http.header(kVersionHeader)),
            .notify = [&answer](const Json& message) { answer.notify(message); }};
  }

  std::shared_ptr<const Server> server_;
  RunningCalls calls_;
};

}  // namespace

std::vector<server::Route> http_routes(std::shared_ptr<const Server> server) {
  const auto endpoint = std::make_shared<Endpoint>(std::move(server));
  return {{"POST", "/mcp", [endpoint](const HttpRequest& http, HttpResponse& response) {
             endpoint->handle(http, response);
           }}};
}

}  // namespace oko::mcp
