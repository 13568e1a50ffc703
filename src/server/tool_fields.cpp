#include "server/tool_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/localized_text.h"
#include "server/raw_json.h"
#include "server/sampling_fields.h"

namespace oko::server {
namespace {

constexpr std::size_t kMostToolBytes = 128 * 1024;  // of all

/// As Python's json.dumps writes it, which models have learnt from.
std::string python_json(const Json& json) {
  std::string text;
  if (json.is_array()) {
    for (const Json& value : json) text += (text.empty() ? "" : ", ") + python_json(value);
    return "[" + text + "]";
  }
  if (!json.is_object()) return dump(json);
  for (const auto& [key, value] : json.items()) {
    text += (text.empty() ? "" : ", ") + dump(Json(key)) + ": " + python_json(value);
  }
  return "{" + text + "}";
}

void check_name(const std::string& name, const std::string& field) {
  const bool is_right = !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  if (is_right) return;
  refuse_value(field, tr("1 to 64 letters of a-z, A-Z, 0-9, _, - and .",
                         "от 1 до 64 знаков из a-z, A-Z, 0-9, _, - и ."));
}

void read_tool(const RequestJson& json, std::string_view raw, const std::string& place,
               ChatTask& task) {
  const RequestFields tool(json, place);
  if (tool.text("type").value_or("function") != "function") {
    refuse_value(tool.name_of("type"), tr("function", "function"));
  }
  const RequestFields function(tool.need("function"), tool.name_of("function"));
  grammar::Function added{.name = function.need_text("name"),
                          .arguments = R"({"type":"object","properties":{}})",
                          .place = function.name_of("parameters"),
                          .is_strict = function.flag("strict").value_or(false)};
  check_name(added.name, function.name_of("name"));
  if (const RequestJson* parameters = function.find("parameters")) {
    const std::string_view text = raw_member(raw_member(raw, "function"), "parameters");
    added.arguments = text.empty() ? parameters->dump() : std::string(text);
  }
  task.functions.push_back(std::move(added));
  task.tools.push_back(python_json(Json::parse(raw)));
}

/// Keeps the functions that "tool_choice" allows.
void choose(const RequestFields& fields, ChatTask& task) {
  const RequestJson* choice = fields.find("tool_choice");
  if (choice == nullptr || *choice == "auto") return;
  if (*choice == "none") {
    task.functions.clear();
    task.tools.clear();
    return;
  }
  task.must_call = true;
  if (*choice == "required") {
    if (task.functions.empty()) {
      throw FieldError("tool_choice", tr("tool_choice is required, and there are no tools",
                                         "tool_choice — required, а tools нет"));
    }
    return;
  }
  if (!choice->is_object()) {
    refuse_value("tool_choice",
                 tr("none, auto, required or a function", "none, auto, required или функция"));
  }
  const RequestFields named(*choice, "tool_choice");
  const std::string name =
      RequestFields(named.need("function"), "tool_choice.function").need_text("name");
  std::erase_if(task.functions, [&](const auto& function) { return function.name != name; });
  if (task.functions.empty()) {
    throw FieldError("tool_choice.function.name", tr("tools have no {}", "в tools нет {}", name));
  }
  task.may_repeat_calls = false;
}

}  // namespace

void read_tools(const RequestFields& fields, std::string_view body, ChatTask& task) {
  task.may_repeat_calls = fields.flag("parallel_tool_calls").value_or(true);
  if (const RequestJson* tools = fields.find("tools")) {
    if (!tools->is_array() || tools->size() > kMostTools) {
      refuse_value("tools", tr("a list of at most {}", "список, до {}", kMostTools));
    }
    const std::string_view raw = raw_member(body, "tools");
    if (raw.empty() || raw.size() > kMostToolBytes) {
      refuse_value("tools", tr("at most {} bytes", "до {} байт", kMostToolBytes));
    }
    for (std::size_t i = 0; i < tools->size(); ++i) {
      read_tool((*tools)[i], raw_element(raw, i), fmt::format("tools[{}]", i), task);
    }
  }
  choose(fields, task);
  if (!task.functions.empty() && !task.schema.empty()) {
    throw FieldError("tools", tr("tools and a format of the answer do not go together",
                                 "tools и формат ответа вместе не поддерживаются"));
  }
}

std::vector<text::ToolCall> read_calls(const RequestFields& message) {
  std::vector<text::ToolCall> calls;
  const RequestJson* list = message.find("tool_calls");
  if (list == nullptr) return calls;
  const std::string name = message.name_of("tool_calls");
  if (!list->is_array() || list->size() > kMostTools) {
    refuse_value(name, tr("a list of at most {}", "список, до {}", kMostTools));
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    const RequestFields call((*list)[i], fmt::format("{}[{}]", name, i));
    const RequestFields function(call.need("function"), call.name_of("function"));
    text::ToolCall added{function.need_text("name"), {}};
    check_name(added.name, function.name_of("name"));
    const RequestJson& arguments = function.need("arguments");
    added.arguments = arguments.is_object() ? python_json(Json::parse(arguments.dump()))
                                            : function.need_text("arguments");
    calls.push_back(std::move(added));
  }
  return calls;
}

CallReader::Piece CallReader::push(std::string_view text) {
  constexpr std::string_view kBegin = R"({"name": ")", kMiddle = R"(", "arguments": )";
  held_ += text;
  Piece piece;
  if (!has_name_) {
    const std::size_t begin = held_.find(kBegin), middle = held_.find(kMiddle);
    if (begin == std::string::npos || middle == std::string::npos) return piece;
    piece.name = held_.substr(begin + kBegin.size(), middle - begin - kBegin.size());
    held_.erase(0, middle + kMiddle.size());
    has_name_ = true;
  }
  // The last brace closes the call, not its arguments.
  const std::size_t last = held_.find_last_not_of(" \n");
  const std::size_t end = last != std::string::npos && held_[last] == '}' ? last : held_.size();
  piece.arguments = held_.substr(0, end);
  held_.erase(0, end);
  return piece;
}

text::ToolCall CallReader::read(std::string_view text) {
  Piece piece = CallReader().push(text);
  return {std::move(piece.name), std::move(piece.arguments)};
}

}  // namespace oko::server
