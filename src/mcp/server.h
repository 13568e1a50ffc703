#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/language.h"
#include "base/stop_token.h"
#include "mcp/file_roots.h"
#include "mcp/jsonrpc.h"
#include "mcp/tool.h"

namespace oko::mcp {

/// Versions of MCP: those before 2026-07-28 begin with "initialize"; since then each request names
/// its own in "_meta" (https://modelcontextprotocol.io/specification).
inline constexpr std::string_view kEnvelopeVersion = "2026-07-28";
inline constexpr const char* kProtocolVersionKey = "io.modelcontextprotocol/protocolVersion";

/// True for a version that a client may begin with by "initialize".
bool is_handshake_version(std::string_view version);

/// True for a request that names its version in "_meta".
bool has_envelope(const Message& request);

/// The folders in a client's answer to "roots/list"; none in others.
FileRoots roots_of_result(const RequestJson& result);

/// The answer to a request of a version that oko does not know.
ProtocolError unsupported_version(const RequestJson& id, const std::string& requested,
                                  Language language);

struct ServerOptions {
  ToolContext tools;
  std::string version;          ///< of oko
  FileRoots roots = {};         ///< of the user
  bool asks_for_roots = false;  ///< without `roots`, those of the client count
};

/// A request's way to its client.
struct Exchange {
  Language language = Language::kEnglish;
  StopToken stop = {};
  /// Of MCP, as agreed before; empty: not known. Requests with an envelope have their own.
  std::string version = {};
  /// Gets notifications about the request, on the thread that answers it.
  std::function<void(const Json&)> notify = [](const Json&) {};
  /// The folders that the client has named; waits for them.
  std::function<FileRoots(const StopToken&)> client_roots = [](const StopToken&) {
    return FileRoots();
  };
};

/// Answers requests of MCP, whatever brings them. Any thread.
class Server {
 public:
  explicit Server(ServerOptions options);

  /// The response, an error as well.
  Json answer(const Message& request, const Exchange& exchange) const;

  bool asks_for_roots() const { return options_.asks_for_roots && options_.roots.empty(); }

 private:
  Json answer_handshake(const Message& request, const Exchange& exchange) const;
  Json answer_envelope(const Message& request, const Exchange& exchange) const;
  Json call_tool(const Message& request, const Exchange& exchange) const;
  FileRoots roots_of(const Message& request, const Exchange& exchange) const;
  bool needs_roots(const Message& request) const;
  Json result_of(const Tool& tool, const Message& request, const Exchange& exchange) const;
  Json tools_json(Language language) const;
  Json info_json() const;

  ServerOptions options_;
  std::vector<Tool> tools_;
};

}  // namespace oko::mcp
