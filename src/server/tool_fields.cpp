#include "server/tool_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/localized_text.h"
#include "server/raw_json.h"
#include "server/sampling_fields.h"

namespace oko::server {
namespace {

constexpr std::size_t kMostToolBytes = 128 * 1024;  // of all
constexpr const char* kNoArguments = R"({"type":"object","properties":{}})";

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
  const bool is_right =
      !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
      });
  if (is_right) return;
  refuse_value(field, tr("1 to 128 letters of a-z, A-Z, 0-9, _, - and .",
                         "от 1 до 128 знаков из a-z, A-Z, 0-9, _, - и ."));
}

/// "name" of a function or namespace.
std::string read_name(const RequestFields& named) {
  std::string name = named.need_text("name");
  check_name(name, named.name_of("name"));
  return name;
}

/// The schema of a function's arguments in the text of `raw`, an object with `field`.
std::string read_schema(const RequestJson& schema, std::string_view raw, const char* field,
                        const std::string& place) {
  if (!schema.is_object()) refuse_value(place, tr("an object", "объект"));
  const std::string_view text = raw_member(raw, field);
  return text.empty() ? schema.dump() : std::string(text);
}

void read_tool(const RequestJson& json, std::string_view raw, const std::string& place,
               ChatTask& task) {
  const RequestFields tool(json, place);
  if (tool.text("type").value_or("function") != "function") {
    refuse_value(tool.name_of("type"), tr("function", "function"));
  }
  const RequestFields function(tool.need("function"), tool.name_of("function"));
  grammar::Function added{.name = read_name(function),
                          .arguments = kNoArguments,
                          .place = function.name_of("parameters"),
                          .is_strict = function.flag("strict").value_or(false)};
  if (const RequestJson* parameters = function.find("parameters")) {
    added.arguments =
        read_schema(*parameters, raw_member(raw, "function"), "parameters", added.place);
  }
  task.functions.push_back(std::move(added));
  task.tools.push_back(python_json(Json::parse(raw)));
}

/// A function whose fields are those of the tool, the schema of its arguments in `schema`.
void add_flat_tool(const RequestFields& tool, std::string_view raw, const char* schema,
                   ChatTask& task, const std::string& name) {
  grammar::Function added{.name = name,
                          .arguments = kNoArguments,
                          .place = tool.name_of(schema),
                          .is_strict = tool.flag("strict").value_or(false)};
  if (const RequestJson* given = tool.find(schema)) {
    added.arguments = read_schema(*given, raw, schema, added.place);
  }
  Json function{{"name", added.name}};
  if (const auto description = tool.text("description")) function["description"] = *description;
  function["parameters"] = Json::parse(added.arguments);
  task.tools.push_back(python_json({{"type", "function"}, {"function", std::move(function)}}));
  task.functions.push_back(std::move(added));
}

/// "tools" of any protocol, the JSON of each with its text and place.
template <typename... Read>
void read_list(const RequestFields& fields, std::string_view body,
               void (*read)(const RequestJson&, std::string_view, const std::string&, Read&...),
               Read&... into) {
  const RequestJson* tools = fields.find("tools");
  if (tools == nullptr) return;
  if (!tools->is_array() || tools->size() > kMostTools) {
    refuse_value("tools", tr("a list of at most {}", "список, до {}", kMostTools));
  }
  const std::string_view raw = raw_member(body, "tools");
  if (raw.empty() || raw.size() > kMostToolBytes) {
    refuse_value("tools", tr("at most {} bytes", "до {} байт", kMostToolBytes));
  }
  for (std::size_t i = 0; i < tools->size(); ++i) {
    read((*tools)[i], raw_element(raw, i), fmt::format("tools[{}]", i), into...);
  }
}

void choose_none(ChatTask& task) {
  task.functions.clear();
  task.tools.clear();
}

/// A function must be called; `choice` says so.
void choose_any(const char* choice, ChatTask& task) {
  task.must_call = true;
  if (!task.functions.empty()) return;
  throw FieldError("tool_choice", tr("tool_choice is {}, and there are no tools",
                                     "tool_choice — {}, а tools нет", choice));
}

/// The function of this name must be called, once.
void choose_one(const std::string& name, const std::string& field, ChatTask& task) {
  task.must_call = true;
  task.may_repeat_calls = false;
  std::erase_if(task.functions, [&](const auto& function) { return function.name != name; });
  if (task.functions.empty()) {
    throw FieldError(field, tr("tools have no {}", "в tools нет {}", name));
  }
}

/// Keeps the functions that "tool_choice" allows. `choose_named`: if it is an object.
void choose(const RequestFields& fields, ChatTask& task,
            const std::function<void(const RequestFields&)>& choose_named) {
  const RequestJson* choice = fields.find("tool_choice");
  if (choice == nullptr || *choice == "auto") return;
  if (*choice == "none") return choose_none(task);
  if (*choice == "required") return choose_any("required", task);
  if (!choice->is_object()) {
    refuse_value("tool_choice",
                 tr("none, auto, required or a function", "none, auto, required или функция"));
  }
  choose_named(RequestFields(*choice, "tool_choice"));
}

/// A function of /v1/responses, by the name that the model knows or by that of its namespace.
void choose_for_responses(const RequestFields& choice, const ToolNames& names, ChatTask& task) {
  if (choice.need_text("type") != "function") {
    refuse_value("tool_choice.type", tr("function", "function"));
  }
  const std::string field = "tool_choice.name";
  const std::string& name = choice.need_text("name");
  const std::optional<std::string> space = choice.text("namespace");
  if (space) return choose_one(ToolName{*space, name}.joined(), field, task);
  if (names.contains(name)) return choose_one(name, field, task);
  const auto has_name = [&](const auto& known) { return known.second.name == name; };
  const auto found = std::ranges::find_if(names, has_name);
  if (found == names.end()) return choose_one(name, field, task);
  if (std::ranges::count_if(names, has_name) > 1) {
    throw FieldError(field, tr("several namespaces have {}: name one in tool_choice.namespace",
                               "{} есть в нескольких namespace: назовите одно в "
                               "tool_choice.namespace",
                               name));
  }
  choose_one(found->first, field, task);
}

void add_responses_function(const RequestFields& tool, std::string_view raw, const ToolName& name,
                            ToolNames& names, ChatTask& task) {
  const std::string joined = name.joined();
  const ToolName& known = names.emplace(joined, name).first->second;
  if (known != name) {
    throw FieldError(tool.name_of("name"),
                     tr("{}: another tool is {} for the model, too: rename one of them",
                        "{}: для модели ещё один инструмент — тоже {}: переименуйте один из них",
                        tool.name_of("name"), joined));
  }
  add_flat_tool(tool, raw, "parameters", task, joined);
}

/// Functions of a namespace, which Codex has for each MCP server. Those that are loaded later
/// (`defer_loading`) are for a search of tools, which oko does not have.
void add_namespace(const RequestFields& space, std::string_view raw, ToolNames& names,
                   ChatTask& task) {
  const std::string space_name = read_name(space);
  const RequestJson& tools = space.need("tools");
  const std::string list = space.name_of("tools");
  if (!tools.is_array() || tools.size() > kMostTools) {
    refuse_value(list, tr("a list of at most {}", "список, до {}", kMostTools));
  }
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const RequestFields tool(tools[i], fmt::format("{}[{}]", list, i));
    const bool is_deferred = tool.flag("defer_loading").value_or(false);
    if (tool.need_text("type") != "function" || is_deferred) continue;
    if (task.functions.size() == kMostTools) {
      refuse_value("tools", tr("at most {} functions", "до {} функций", kMostTools));
    }
    add_responses_function(tool, raw_element(raw_member(raw, "tools"), i),
                           {space_name, read_name(tool)}, names, task);
  }
}

/// Codex names tools of OpenAI's servers in every request, which stay out of the prompt.
void read_responses_tool(const RequestJson& json, std::string_view raw, const std::string& place,
                         ToolNames& names, ChatTask& task) {
  const RequestFields tool(json, place);
  const std::string& type = tool.need_text("type");
  if (type == "function") add_responses_function(tool, raw, {{}, read_name(tool)}, names, task);
  if (type == "namespace") add_namespace(tool, raw, names, task);
}

/// A tool of Anthropic's: one of the client, since those of Anthropic's servers run there.
void read_anthropic_tool(const RequestJson& json, std::string_view raw, const std::string& place,
                         ChatTask& task) {
  const RequestFields tool(json, place);
  if (tool.text("type").value_or("custom") != "custom") {
    refuse_value(tool.name_of("type"), tr("custom: oko has no tools of its own here",
                                          "custom: своих инструментов у oko здесь нет"));
  }
  add_flat_tool(tool, raw, "input_schema", task, read_name(tool));
  tool.need("input_schema");
}

/// Keeps the functions that Anthropic's "tool_choice" allows.
void choose_for_anthropic(const RequestFields& fields, ChatTask& task) {
  const RequestJson* given = fields.find("tool_choice");
  if (given == nullptr) return;
  const RequestFields choice(*given, "tool_choice");
  task.may_repeat_calls = !choice.flag("disable_parallel_tool_use").value_or(false);
  const std::string& type = choice.need_text("type");
  if (type == "auto") return;
  if (type == "none") return choose_none(task);
  if (type == "any") return choose_any("any", task);
  if (type != "tool") {
    refuse_value("tool_choice.type", tr("auto, any, tool or none", "auto, any, tool или none"));
  }
  choose_one(choice.need_text("name"), "tool_choice.name", task);
}

}  // namespace

void read_tools(const RequestFields& fields, std::string_view body, ChatTask& task) {
  task.may_repeat_calls = fields.flag("parallel_tool_calls").value_or(true);
  read_list(fields, body, read_tool, task);
  choose(fields, task, [&](const RequestFields& choice) {
    const RequestFields function(choice.need("function"), choice.name_of("function"));
    choose_one(function.need_text("name"), function.name_of("name"), task);
  });
}

std::string ToolName::joined() const {
  if (space.empty()) return name;
  return space + (space.ends_with("__") ? "" : "__") + name;
}

ToolNames read_responses_tools(const RequestFields& fields, std::string_view body, ChatTask& task) {
  ToolNames names;
  task.may_repeat_calls = fields.flag("parallel_tool_calls").value_or(true);
  read_list(fields, body, read_responses_tool, names, task);
  choose(fields, task,
         [&](const RequestFields& choice) { choose_for_responses(choice, names, task); });
  return names;
}

void read_anthropic_tools(const RequestFields& fields, std::string_view body, ChatTask& task) {
  read_list(fields, body, read_anthropic_tool, task);
  choose_for_anthropic(fields, task);
}

text::ToolCall read_tool_use(const RequestFields& block) {
  text::ToolCall call{read_name(block), {}};
  const RequestJson& input = block.need("input");
  if (!input.is_object()) refuse_value(block.name_of("input"), tr("an object", "объект"));
  call.arguments = python_json(Json::parse(input.dump()));
  return call;
}

text::ToolCall read_call(const RequestFields& function) {
  text::ToolCall call{read_name(function), {}};
  const RequestJson& arguments = function.need("arguments");
  call.arguments = arguments.is_object() ? python_json(Json::parse(arguments.dump()))
                                         : function.need_text("arguments");
  return call;
}

text::ToolCall read_responses_call(const RequestFields& item) {
  text::ToolCall call = read_call(item);
  if (const auto space = item.text("namespace")) {
    check_name(*space, item.name_of("namespace"));
    call.name = ToolName{*space, call.name}.joined();
  }
  return call;
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
    calls.push_back(read_call(RequestFields(call.need("function"), call.name_of("function"))));
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

std::pair<std::string, Json> CallReader::read_object(std::string_view text) {
  text::ToolCall call = read(text);
  Json arguments = Json::parse(call.arguments, nullptr, false);
  if (!arguments.is_object()) arguments = nullptr;
  return {std::move(call.name), std::move(arguments)};
}

}  // namespace oko::server
