#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/language.h"
#include "base/mutex.h"
#include "base/stop_token.h"
#include "mcp/file_roots.h"
#include "mcp/jsonrpc.h"
#include "mcp/server.h"

namespace oko::mcp {

struct SessionOptions {
  Language language = Language::kEnglish;
  std::size_t max_line_bytes = 64 * 1024 * 1024;  ///< a longer message is refused, and skipped
  std::size_t max_calls = 64;                     ///< of tools at once; more are refused
};

/// One client whose messages are lines of a stream (MCP, "stdio"). Calls of tools run on threads of
/// their own, so that others are answered meanwhile.
class Session {
 public:
  /// `send` gets each line for the client, with its end, one at a time, on any thread. It may
  /// throw: for a request that is no call of a tool, `receive` throws it on.
  Session(const Server& server, const SessionOptions& options,
          std::function<void(std::string_view)> send);
  ~Session();  ///< stops the calls and waits for them
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Takes the next bytes of the stream. One thread may call.
  void receive(std::string_view bytes);

  /// The stream has ended: stops the calls, and waits for them. False: some go on after `patience`,
  /// in libraries that cannot be stopped.
  bool end(std::chrono::milliseconds patience);

 private:
  struct Call {
    StopSource stop = {};
    bool is_answered = false;  ///< but for the sending
    bool is_done = false;
    JoiningThread thread = {};
  };

  void receive_line(std::string_view line);
  void take_notification(const Message& message);
  void take_response(const Message& message);
  void answer(const Message& request);
  void start_call(const Message& request);
  void run_call(const Message& request, const std::string& key, const Exchange& exchange);
  void set(const std::string& key, bool Call::*flag);
  void stop_calls();
  void remove_ended_calls();
  void ask_for_roots();
  FileRoots wait_for_roots(const StopToken& stop);
  Exchange exchange_for(const StopToken& stop);
  void send(const Json& message);

  const Server& server_;
  const SessionOptions options_;
  const std::function<void(std::string_view)> send_;
  Mutex send_mutex_;

  // Of the thread that calls `receive`.
  std::string line_;          ///< its beginning
  bool is_skipping_ = false;  ///< the rest of a line that is too long
  std::string version_;       ///< of "initialize"
  bool has_roots_ = false;    ///< the client says so

  Mutex mutex_;
  ConditionVariable changed_;
  std::map<std::string, Call> calls_ OKO_GUARDED_BY(mutex_);  ///< by the JSON of their id
  int asked_for_roots_ OKO_GUARDED_BY(mutex_) = 0;            ///< number of the last request
  std::optional<FileRoots> roots_ OKO_GUARDED_BY(mutex_);     ///< none: asked for
};

}  // namespace oko::mcp
