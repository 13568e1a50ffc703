#include "mcp/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::mcp {
namespace {

/// For the client to name its roots, before a call that needs them.
constexpr std::chrono::seconds kRootsPatience{10};

std::string roots_request_id(int number) {
  return fmt::format("oko-roots-{}", number);
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

bool declares_roots(const RequestJson& params) {
  const auto capabilities = params.find("capabilities");
  return capabilities != params.end() && capabilities->is_object() &&
         capabilities->contains("roots");
}

}  // namespace

Session::Session(const Server& server, const SessionOptions& options,
                 std::function<void(std::string_view)> send)
    : server_(server), options_(options), send_(std::move(send)) {}

Session::~Session() {
  end(std::chrono::milliseconds(0));
  std::map<std::string, Call> calls;
  const MutexLock lock(mutex_);
  calls.swap(calls_);
  const MutexUnlock unlock(mutex_);
  calls.clear();  // joins
}

void Session::receive(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (!is_skipping_ && line_.size() + part.size() > options_.max_line_bytes) {
      is_skipping_ = true;
      line_ = std::string();
      send(response_of(
          ProtocolError{.code = kInvalidRequest,
                        .message = tr("the message is longer than {} bytes",
                                      "сообщение длиннее {} байт", options_.max_line_bytes)
                                       .in(options_.language)}));
    }
    if (!is_skipping_) line_ += part;
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    if (!std::exchange(is_skipping_, false)) receive_line(std::exchange(line_, {}));
  }
}

void Session::receive_line(std::string_view line) {
  if (is_blank(line)) return;
  remove_ended_calls();
  const auto parsed = parse_message(line, options_.language);
  if (const auto* error = std::get_if<ProtocolError>(&parsed)) return send(response_of(*error));
  const auto& message = std::get<Message>(parsed);
  switch (message.kind) {
    case MessageKind::kNotification:
      return take_notification(message);
    case MessageKind::kResponse:
      return take_response(message);
    case MessageKind::kRequest:
      return message.method == "tools/call" ? start_call(message) : answer(message);
  }
}

void Session::take_notification(const Message& message) {
  if (message.method == "notifications/initialized" ||
      message.method == "notifications/roots/list_changed") {
    return ask_for_roots();
  }
  if (message.method != "notifications/cancelled") return;
  const auto id = message.params.find("requestId");
  if (id == message.params.end()) return;
  const std::string key = server::dump(*id);
  const MutexLock lock(mutex_);
  const auto call = calls_.find(key);
  if (call == calls_.end()) return;
  const StopSource stop = call->second.stop;
  const MutexUnlock unlock(mutex_);
  stop.request_stop();
}

void Session::take_response(const Message& message) {
  FileRoots roots = roots_of_result(message.params);
  const MutexLock lock(mutex_);
  if (roots_ || message.id != roots_request_id(asked_for_roots_)) return;
  roots_ = std::move(roots);
  changed_.notify_all();
}

void Session::ask_for_roots() {
  if (!has_roots_ || !server_.asks_for_roots()) return;
  int number = 0;
  {
    const MutexLock lock(mutex_);
    number = ++asked_for_roots_;
    roots_.reset();
  }
  send({{"jsonrpc", "2.0"}, {"id", roots_request_id(number)}, {"method", "roots/list"}});
}

FileRoots Session::wait_for_roots(const StopToken& stop) {
  const MutexLock lock(mutex_);
  const auto has_answer = [this]() OKO_REQUIRES(mutex_) {
    return roots_.has_value() || asked_for_roots_ == 0;
  };
  changed_.wait_for(mutex_, stop, kRootsPatience, has_answer);
  return roots_.value_or(FileRoots());
}

Exchange Session::exchange_for(const StopToken& stop) {
  return {.language = options_.language,
          .stop = stop,
          .version = version_,
          .notify = [this](const Json& message) { send(message); },
          .client_roots = [this](const StopToken& until) { return wait_for_roots(until); }};
}

void Session::answer(const Message& request) {
  const Json response = server_.answer(request, exchange_for({}));
  if (request.method == "initialize" && error_code_of(response) == 0) {
    version_ = response.at("result").at("protocolVersion").get<std::string>();
    has_roots_ = declares_roots(request.params);
  }
  send(response);
}

void Session::start_call(const Message& request) {
  const std::string key = server::dump(request.id);
  const auto refuse = [&](const LocalizedText& text) {
    send(response_of(ProtocolError{
        .code = kInvalidRequest, .message = text.in(options_.language), .id = request.id}));
  };
  std::map<std::string, Call>::node_type answered;
  std::size_t running = 0;
  bool is_known = false;
  {
    const MutexLock lock(mutex_);
    for (const auto& [each, call] : calls_) running += call.is_answered ? 0 : 1;
    const auto found = calls_.find(key);
    is_known = found != calls_.end() && !found->second.is_answered;
    if (found != calls_.end() && !is_known) answered = calls_.extract(found);
  }
  answered = {};  // joins
  if (is_known)
    return refuse(tr("a call with this id is under way", "вызов с таким id уже выполняется"));
  if (running >= options_.max_calls) {
    return refuse(
        tr("more than {} calls at once", "больше {} вызовов одновременно", options_.max_calls));
  }
  const MutexLock lock(mutex_);
  Call& call = calls_[key];
  call.thread = JoiningThread([this, request, key, exchange = exchange_for(call.stop.get_token())] {
    run_call(request, key, exchange);
  });
}

void Session::run_call(const Message& request, const std::string& key, const Exchange& exchange) {
  try {
    const Json response = server_.answer(request, exchange);
    set(key, &Call::is_answered);  // a client that has the answer may use its id again
    if (!exchange.stop.stop_requested()) send(response);
  } catch (const Error&) {
    stop_calls();  // the client reads no more
  }
  set(key, &Call::is_done);
}

void Session::set(const std::string& key, bool Call::*flag) {
  const MutexLock lock(mutex_);
  const auto call = calls_.find(key);
  if (call != calls_.end()) call->second.*flag = true;
  changed_.notify_all();
}

void Session::remove_ended_calls() {
  std::vector<std::map<std::string, Call>::node_type> ended;
  const MutexLock lock(mutex_);
  for (auto each = calls_.begin(); each != calls_.end();) {
    const auto next = std::next(each);
    if (each->second.is_done) ended.push_back(calls_.extract(each));
    each = next;
  }
  const MutexUnlock unlock(mutex_);
  ended.clear();  // joins
}

void Session::stop_calls() {
  std::vector<StopSource> stops;
  {
    const MutexLock lock(mutex_);
    stops.reserve(calls_.size());
    for (const auto& [key, call] : calls_) stops.push_back(call.stop);
  }
  for (const StopSource& each : stops) each.request_stop();
}

bool Session::end(std::chrono::milliseconds patience) {
  stop_calls();
  const MutexLock lock(mutex_);
  return changed_.wait_for(mutex_, {}, patience, [this]() OKO_REQUIRES(mutex_) {
    return std::all_of(calls_.begin(), calls_.end(),
                       [](const auto& each) { return each.second.is_done; });
  });
}

void Session::send(const Json& message) {
  const std::string line = server::dump(message) + "\n";
  const MutexLock lock(send_mutex_);
  send_(line);
}

}  // namespace oko::mcp
