#include <fmt/format.h>

#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "server/api.h"
#include "server/api_error.h"
#include "server/chat_task.h"
#include "server/data_uri.h"
#include "server/picture_fields.h"
#include "server/raw_json.h"
#include "server/request_json.h"
#include "server/sampling_fields.h"
#include "server/tool_fields.h"

// OpenAI's API reference: "Responses", "Streaming events". What Codex needs of it.
namespace oko::server {
namespace {

struct ResponsesRequest {
  ChatTask task;
  std::string instructions = {};
  std::optional<std::int64_t> max_tokens = {};
  ToolNames tool_names = {};
  // For the answer, which repeats them.
  Json tools = Json::array(), tool_choice = "auto";
  bool calls_in_parallel = true;
  bool is_streamed = false;
};

void add_input_part(const RequestJson& json, const std::string& name, text::Message& message,
                    ChatTask& task) {
  const RequestFields part(json, name);
  const std::string& type = part.need_text("type");
  if (type == "input_text" || type == "output_text" || type == "text") {
    message.parts.push_back(text::Part::make_text(part.need_text("text")));
    return;
  }
  const char* field = type == "input_image"              ? "image_url"
                      : type != "input_file"             ? nullptr
                      : part.find("file_url") != nullptr ? "file_url"
                                                         : "file_data";
  if (field == nullptr) {
    refuse_value(part.name_of("type"), tr("input_text, input_image or input_file",
                                          "input_text, input_image или input_file"));
  }
  message.parts.push_back(text::Part::make_image());
  task.pictures.push_back(picture_of_uri(part.need_text(field), name, part.name_of(field)));
}

void add_content(const RequestJson& content, const std::string& name, text::Message& message,
                 ChatTask& task) {
  if (content.is_string()) {
    message.parts.push_back(text::Part::make_text(content.get<std::string>()));
    return;
  }
  if (!content.is_array()) {
    refuse_value(name, tr("a string, or a list of parts", "строка или список частей"));
  }
  for (std::size_t i = 0; i < content.size(); ++i) {
    add_input_part(content[i], fmt::format("{}[{}]", name, i), message, task);
  }
}

/// Puts the items of "input" into the messages of a prompt.
class InputItems {
 public:
  explicit InputItems(ChatTask& task) : task_(task) {}

  void add(const RequestJson& json, const std::string& name) {
    const RequestFields item(json, name);
    const std::string type = item.text("type").value_or("message");
    if (type == "reasoning") return;  // of other models: oko's answers have none
    if (type == "function_call_output") return add_output(item);
    end_outputs();
    if (type == "function_call") return add_call(item);
    if (type != "message") {
      refuse_value(item.name_of("type"), tr("message, function_call or function_call_output",
                                            "message, function_call или function_call_output"));
    }
    add_turn(item);
  }

  /// Adds what is left.
  void end() { end_outputs(); }

 private:
  void add_turn(const RequestFields& item) {
    const std::string& role = item.need_text("role");
    const bool is_system = role == "system" || role == "developer";
    if (!is_system && role != "user" && role != "assistant") {
      refuse_value(item.name_of("role"),
                   tr("system, user or assistant", "system, user или assistant"));
    }
    text::Message message{is_system        ? text::Role::kSystem
                          : role == "user" ? text::Role::kUser
                                           : text::Role::kAssistant,
                          {}};
    add_content(item.need("content"), item.name_of("content"), message, task_);
    add_message(std::move(message), task_);
  }

  /// A call belongs to the words before it, as the model wrote them.
  void add_call(const RequestFields& item) {
    item.need_text("call_id");
    text::ToolCall call = read_responses_call(item);
    if (task_.messages.empty() || task_.messages.back().role != text::Role::kAssistant) {
      task_.messages.push_back({text::Role::kAssistant, {}});
    }
    task_.messages.back().calls.push_back(std::move(call));
  }

  /// Pictures of results follow all of them: a prompt has them in words of the user alone.
  void add_output(const RequestFields& item) {
    item.need_text("call_id");
    text::Message given{text::Role::kTool, {}}, result{text::Role::kTool, {}};
    add_content(item.need("output"), item.name_of("output"), given, task_);
    for (text::Part& part : given.parts) {
      const bool is_text = part.kind == text::Part::Kind::kText;
      (is_text ? result.parts : pictures_).push_back(std::move(part));
    }
    if (result.parts.empty()) result.parts.push_back(text::Part::make_text({}));
    task_.messages.push_back(std::move(result));
  }

  void end_outputs() {
    if (pictures_.empty()) return;
    task_.messages.push_back({text::Role::kUser, std::move(pictures_)});
    pictures_.clear();
  }

  ChatTask& task_;
  std::vector<text::Part> pictures_;  ///< of results
};

void refuse_unknown_of_responses(const RequestFields& fields) {
  for (const char* name : {"previous_response_id", "conversation"}) {
    if (fields.find(name) == nullptr) continue;
    throw FieldError(name, tr("{} is not supported: oko keeps no answers; send the whole "
                              "conversation in input",
                              "{} не поддерживается: oko не хранит ответов; пришлите весь разговор "
                              "в input",
                              name));
  }
  if (fields.flag("background").value_or(false)) refuse_field("background");
  if (fields.find("prompt") != nullptr) refuse_field("prompt");  // a text that OpenAI keeps
}

/// "text.format".
void read_text_format(const RequestFields& fields, std::string_view body, ChatTask& task) {
  const RequestJson* text = fields.find("text");
  if (text == nullptr) return;
  const RequestJson* json = RequestFields(*text, "text").find("format");
  if (json == nullptr) return;
  const RequestFields format(*json, "text.format");
  const std::string& type = format.need_text("type");
  if (type == "text") return;
  if (type == "json_object") {
    task.schema = kAnyObject;
    task.schema_name = format.name_of("type");
  } else if (type == "json_schema") {
    task.schema_name = format.name_of("schema");
    task.schema = raw_member(raw_member(raw_member(body, "text"), "format"), "schema");
    if (task.schema.empty()) task.schema = format.need("schema").dump();
  } else {
    refuse_value(format.name_of("type"),
                 tr("text, json_object or json_schema", "text, json_object или json_schema"));
  }
}

/// Of the tools, the functions, also of namespaces: the others are left out of the prompt.
void keep_tools(const RequestFields& fields, ResponsesRequest& request) {
  request.calls_in_parallel = fields.flag("parallel_tool_calls").value_or(true);
  if (const RequestJson* choice = fields.find("tool_choice")) {
    request.tool_choice = Json::parse(choice->dump());
  }
  const RequestJson* tools = fields.find("tools");
  if (tools == nullptr) return;
  for (const RequestJson& tool : *tools) {
    const bool is_kept = tool.at("type") == "function" || tool.at("type") == "namespace";
    if (is_kept) request.tools.push_back(Json::parse(tool.dump()));
  }
}

ResponsesRequest parse_responses(const HttpRequest& http) {
  const RequestJson body = parse_request(http.body);
  const RequestFields fields(body);
  refuse_unknown_of_responses(fields);
  ResponsesRequest request;
  ChatTask& task = request.task;
  task.model = fields.text("model").value_or("");
  request.instructions = fields.text("instructions").value_or("");
  if (!request.instructions.empty()) {
    add_message({text::Role::kSystem, {text::Part::make_text(request.instructions)}}, task);
  }
  const RequestJson& input = fields.need("input");
  if (input.is_array()) {
    InputItems items(task);
    for (std::size_t i = 0; i < input.size(); ++i) items.add(input[i], fmt::format("input[{}]", i));
    items.end();
  } else {
    add_message({text::Role::kUser, {text::Part::make_text(fields.need_text("input"))}}, task);
  }
  // Codex asks with nothing to see whether somebody answers.
  const bool is_empty = task.messages.empty() || task.messages.back().role == text::Role::kSystem;
  if (is_empty) add_message({text::Role::kUser, {text::Part::make_text({})}}, task);
  request.max_tokens = fields.integer("max_output_tokens", 1, kMostTokens);
  if (request.max_tokens) task.max_tokens = static_cast<int>(*request.max_tokens);
  read_text_format(fields, http.body, task);
  request.tool_names = read_responses_tools(fields, http.body, task);
  keep_tools(fields, request);
  read_sampling(fields, task);
  read_picture_fields(fields, task);
  request.is_streamed = fields.flag("stream").value_or(false);
  return request;
}

Json text_part(std::string_view text) {
  return {{"type", "output_text"}, {"text", text}, {"annotations", Json::array()}};
}

bool is_cut(const engine::GenerationResult& result) {
  return result.finish_reason == engine::FinishReason::kLength;
}

/// The objects of the answer to one request, which must outlive this.
class ResponseObjects {
 public:
  ResponseObjects(const HttpRequest& http, const ResponsesRequest& request)
      : http_(http), request_(request) {}

  /// The answer before its end; "output" is empty.
  Json begin(const std::string& model) const {
    Json object{{"id", "resp_" + http_.id},
                {"object", "response"},
                {"created_at", created_},
                {"status", "in_progress"},
                {"error", nullptr},
                {"incomplete_details", nullptr},
                {"instructions", nullptr},
                {"max_output_tokens", nullptr},
                {"model", model},
                {"output", Json::array()},
                {"parallel_tool_calls", request_.calls_in_parallel},
                {"previous_response_id", nullptr},
                {"store", false},
                {"tool_choice", request_.tool_choice},
                {"tools", request_.tools},
                {"usage", nullptr},
                {"metadata", Json::object()}};
    if (!request_.instructions.empty()) object["instructions"] = request_.instructions;
    if (request_.max_tokens) object["max_output_tokens"] = *request_.max_tokens;
    return object;
  }

  /// Words of an answer. `content` empty: they are being written.
  Json message(const char* status, Json content) const {
    return {{"id", "msg_" + http_.id},
            {"type", "message"},
            {"status", status},
            {"role", "assistant"},
            {"content", std::move(content)}};
  }

  /// A call of an answer. Codex finds a function of a namespace by both names alone.
  Json call(std::size_t index, const char* status, const std::string& name,
            const std::string& arguments) const {
    const ToolName& tool = request_.tool_names.at(name);
    Json item{{"id", fmt::format("fc_{}_{}", http_.id, index)},
              {"type", "function_call"},
              {"status", status},
              {"call_id", fmt::format("call_{}_{}", http_.id, index)},
              {"name", tool.name},
              {"arguments", arguments}};
    if (!tool.space.empty()) item["namespace"] = tool.space;
    return item;
  }

  /// Ends the `object` of `begin`.
  void finish(const ChatChoices& answer, Json& object) const {
    const engine::GenerationResult& result = answer.results.front();
    object["status"] = is_cut(result) ? "incomplete" : "completed";
    if (is_cut(result)) object["incomplete_details"] = {{"reason", "max_output_tokens"}};
    object["output"] = output_of(result);
    const engine::GenerationStats& stats = result.stats;
    object["usage"] = {{"input_tokens", stats.prompt_tokens},
                       {"input_tokens_details", {{"cached_tokens", stats.cached_tokens}}},
                       {"output_tokens", stats.generated_tokens},
                       {"output_tokens_details", {{"reasoning_tokens", stats.thought_tokens}}},
                       {"total_tokens", stats.prompt_tokens + stats.generated_tokens}};
    add_boxes(answer.pictures, result.text, object);
    add_notes(language_of(http_), answer.notes, object);
  }

 private:
  /// The words, if there are any, and the calls. A cut answer has its last item incomplete.
  Json output_of(const engine::GenerationResult& result) const {
    Json output = Json::array();
    if (!result.text.empty()) {
      output.push_back(message("completed", Json::array({text_part(result.text)})));
    }
    for (std::size_t i = 0; i < result.calls.size(); ++i) {
      const text::ToolCall called = CallReader::read(result.calls[i]);
      if (called.name.empty()) continue;  // cut before its name
      output.push_back(call(i, "completed", called.name, called.arguments));
    }
    if (output.empty()) output.push_back(message("completed", Json::array({text_part("")})));
    if (is_cut(result)) output.back()["status"] = "incomplete";
    return output;
  }

  const HttpRequest& http_;
  const ResponsesRequest& request_;
  const std::int64_t created_ = std::time(nullptr);
};

void send_response(const ApiContext& context, const HttpRequest& http, ResponsesRequest request,
                   HttpResponse& response) {
  const ResponseObjects objects(http, request);
  const ChatChoices answer = run_choices(context, std::move(request.task), 1, response.stop());
  Json object = objects.begin(answer.model.name);
  objects.finish(answer, object);
  response.send({}, dump(object));
}

/// The events of an answer, numbered.
class ResponseEvents {
 public:
  ResponseEvents(const ResponseObjects& objects, HttpResponse& response)
      : objects_(objects), response_(response) {}

  void send(const char* type, const Json& fields) {
    Json data{{"type", type}, {"sequence_number", number_++}};
    data.update(fields);
    response_.write(fmt::format("event: {}\ndata: {}\n\n", type, dump(data)));
  }

  void begin(Json object) {
    send("response.created", {{"response", object}});
    send("response.in_progress", {{"response", std::move(object)}});
  }

  void add(const ChatPiece& piece) {
    if (!piece.text.empty()) {
      if (item_.is_null()) begin_message();
      text_ += piece.text;
      send("response.output_text.delta",
           in_part({{"delta", piece.text}, {"logprobs", Json::array()}}));
    }
    for (const engine::CallPiece& call : piece.calls) add_call(call);
  }

  /// `object`: the whole answer.
  void end(Json object) {
    if (item_.is_null()) begin_message();
    const Json status = object.at("status");
    end_item(status);
    send(status == "completed" ? "response.completed" : "response.incomplete",
         {{"response", std::move(object)}});
  }

 private:
  void begin_item(Json item) {
    if (!item_.is_null()) end_item("completed");
    text_.clear();
    item_ = std::move(item);
    send("response.output_item.added", {{"output_index", index_}, {"item", item_}});
  }

  void begin_message() {
    begin_item(objects_.message("in_progress", Json::array()));
    send("response.content_part.added", in_part({{"part", text_part("")}}));
  }

  void add_call(const engine::CallPiece& piece) {
    if (readers_.size() <= piece.call) readers_.resize(piece.call + 1);
    const CallReader::Piece part = readers_[piece.call].push(piece.text);
    if (!part.name.empty()) {
      begin_item(objects_.call(piece.call, "in_progress", part.name, ""));
    }
    if (part.arguments.empty()) return;
    text_ += part.arguments;
    send("response.function_call_arguments.delta", in_item({{"delta", part.arguments}}));
  }

  void end_item(const Json& status) {
    if (item_.at("type") == "message") {
      send("response.output_text.done", in_part({{"text", text_}, {"logprobs", Json::array()}}));
      send("response.content_part.done", in_part({{"part", text_part(text_)}}));
      item_["content"] = Json::array({text_part(text_)});
    } else {
      send("response.function_call_arguments.done",
           in_item({{"name", item_.at("name")}, {"arguments", text_}}));
      item_["arguments"] = text_;
    }
    item_["status"] = status;
    send("response.output_item.done", {{"output_index", index_++}, {"item", item_}});
  }

  Json in_item(const Json& fields) const {
    Json place{{"item_id", item_.at("id")}, {"output_index", index_}};
    place.update(fields);
    return place;
  }
  Json in_part(const Json& fields) const {
    Json place = in_item({{"content_index", 0}});
    place.update(fields);
    return place;
  }

  const ResponseObjects& objects_;
  HttpResponse& response_;
  std::vector<CallReader> readers_;  ///< of each call
  Json item_;                        ///< the one that is written; null before the first
  std::string text_;                 ///< of it, words or arguments
  std::size_t index_ = 0, number_ = 0;
};

void stream_response(const ApiContext& context, const HttpRequest& http, ResponsesRequest request,
                     HttpResponse& response) {
  const ResponseObjects objects(http, request);
  ResponseEvents events(objects, response);
  Json object;
  ChatTask task = std::move(request.task);
  const auto begin = [&](const ServedModel& model) {
    response.begin({.content_type = "text/event-stream; charset=utf-8",
                    .headers = {{"Cache-Control", "no-cache"}}});
    object = objects.begin(model.name);
    events.begin(object);
  };
  const auto on_piece = [&](const ChatPiece& piece) { events.add(piece); };
  try {
    const ChatChoices answer =
        run_choices(context, std::move(task), 1, response.stop(), begin, on_piece);
    objects.finish(answer, object);
    events.end(std::move(object));
  } catch (const Error& error) {
    if (!response.has_begun() || error.code() == ErrorCode::kCancelled) throw;
    object["status"] = "failed";
    object["error"] = {{"code", "server_error"}, {"message", text_of(http, error)}};
    events.send("response.failed", {{"response", object}});
  }
  response.end();
}

}  // namespace

std::vector<Route> responses_routes(const ApiContext& context) {
  return {{"POST", "/v1/responses", [&context](const HttpRequest& http, HttpResponse& response) {
             ResponsesRequest request = parse_responses(http);
             context.remote.fetch(request.task, response.stop());
             const auto send = request.is_streamed ? stream_response : send_response;
             send(context, http, std::move(request), response);
           }}};
}

}  // namespace oko::server
