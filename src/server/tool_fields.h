#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/chat_task.h"
#include "server/request_json.h"

namespace oko::server {

inline constexpr std::size_t kMostTools = 64;

/// Reads "tools", "tool_choice" and "parallel_tool_calls", as OpenAI's and Ollama's clients send
/// them; `body` is the text of the request, which has the keys in order. Throws kUsage.
void read_tools(const RequestFields& fields, std::string_view body, ChatTask& task);

/// A function as clients of /v1/responses name it.
struct ToolName {
  std::string space;  ///< the namespace that has it; empty: none
  std::string name;   ///< there

  /// The name by which the model knows it.
  std::string joined() const;
  bool operator==(const ToolName&) const = default;
};

using ToolNames = std::map<std::string, ToolName>;  ///< by `joined`

/// Reads the same as clients of /v1/responses send them: a function has its fields beside "type".
/// Those of a namespace are functions with its name in front. Tools of other types are left out:
/// oko has none. Throws kUsage.
ToolNames read_responses_tools(const RequestFields& fields, std::string_view body, ChatTask& task);

/// Reads an item "function_call", whose function may be of a namespace. Throws kUsage.
text::ToolCall read_responses_call(const RequestFields& item);

/// Reads "tools" and "tool_choice" as Anthropic's clients send them. Throws kUsage.
void read_anthropic_tools(const RequestFields& fields, std::string_view body, ChatTask& task);

/// Of a block "tool_use". Throws kUsage.
text::ToolCall read_tool_use(const RequestFields& block);

/// Reads "name" and "arguments", a string or an object, of a call. Throws kUsage.
text::ToolCall read_call(const RequestFields& function);

/// Reads the "tool_calls" of a message of the assistant, whose arguments are a string or an object.
/// Throws kUsage.
std::vector<text::ToolCall> read_calls(const RequestFields& message);

/// Splits the text of a call, which comes in pieces: {"name": "...", "arguments": {...}}.
class CallReader {
 public:
  struct Piece {
    std::string name;       ///< once, as soon as it is whole
    std::string arguments;  ///< what is new of the JSON
  };
  Piece push(std::string_view text);

  /// Of the text of a whole call.
  static text::ToolCall read(std::string_view text);

  /// The same with the arguments as an object; null if `max_tokens` has cut the call.
  static std::pair<std::string, Json> read_object(std::string_view text);

 private:
  std::string held_;
  bool has_name_ = false;
};

}  // namespace oko::server
