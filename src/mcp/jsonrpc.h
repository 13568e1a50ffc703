#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/language.h"
#include "server/request_json.h"

/// Messages of JSON-RPC 2.0 (https://www.jsonrpc.org/specification) as MCP has them: one object
/// each, no batches.
namespace oko::mcp {

using server::Json;
using server::RequestJson;

// JSON-RPC 2.0, 5.1.
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
// MCP 2026-07-28.
inline constexpr int kHeaderMismatch = -32020;
inline constexpr int kUnsupportedVersion = -32022;

enum class MessageKind { kRequest, kNotification, kResponse };

struct Message {
  MessageKind kind = MessageKind::kRequest;
  RequestJson id = {};      ///< a string or a whole number; of a notification null
  std::string method = {};  ///< of a response empty
  RequestJson params = {};  ///< an object; of a response its result, of an error null
};

/// What is answered in place of a result.
struct ProtocolError {
  int code = 0;
  std::string message;
  Json data = {};       ///< null: none
  RequestJson id = {};  ///< of the request; null: it could not be read
};

/// Reads a message within the limits of `parse_request`. Gives kParseError for what is no JSON, and
/// kInvalidRequest for what is no message, batches among them.
std::variant<Message, ProtocolError> parse_message(std::string_view text, Language language);

Json response_of(const RequestJson& id, Json result);
Json response_of(const ProtocolError& error);
Json notification_of(const char* method, Json params);

/// The code of a response that is an error; 0 of a result.
int error_code_of(const Json& response);

}  // namespace oko::mcp
