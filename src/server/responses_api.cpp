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

// OpenAI's API reference: "Responses", "Streaming events". What Codex needs of it.
namespace oko::server {
namespace {

struct ResponsesRequest {
  ChatTask task;
  std::string instructions = {};
  std::optional<std::int64_t> max_tokens = {};
  bool is_streamed = false;
};

void add_input_part(const RequestJson& json, const std::string& name, text::Message& message,
                    ChatTask& task) {
  const RequestFields part(json, name);
  const std::string type = part.need_text("type");
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

/// An item of "input". What a model thought before is left out.
void add_item(const RequestJson& json, const std::string& name, ChatTask& task) {
  const RequestFields item(json, name);
  const std::string type = item.text("type").value_or("message");
  if (type == "reasoning") return;
  if (type != "message") {
    refuse_value(item.name_of("type"), tr("message: oko calls no tools here",
                                          "message: инструментов oko здесь не вызывает"));
  }
  const std::string role = item.need_text("role");
  const bool is_system = role == "system" || role == "developer";
  if (!is_system && role != "user" && role != "assistant") {
    refuse_value(item.name_of("role"),
                 tr("system, user or assistant", "system, user или assistant"));
  }
  text::Message message{is_system        ? text::Role::kSystem
                        : role == "user" ? text::Role::kUser
                                         : text::Role::kAssistant,
                        {}};
  const RequestJson& content = item.need("content");
  if (content.is_array()) {
    for (std::size_t i = 0; i < content.size(); ++i) {
      add_input_part(content[i], fmt::format("{}.content[{}]", name, i), message, task);
    }
  } else {
    message.parts.push_back(text::Part::make_text(item.need_text("content")));
  }
  add_message(std::move(message), task);
}

/// Tools are left alone unless one must be called: Codex names its own in every request.
void refuse_unknown_of_responses(const RequestFields& fields) {
  if (fields.find("previous_response_id") != nullptr) {
    throw Error(ErrorCode::kUsage,
                tr("previous_response_id is not supported: oko keeps no answers",
                   "previous_response_id не поддерживается: oko не хранит ответов"),
                tr("send the whole conversation in input", "пришлите весь разговор в input"));
  }
  if (fields.flag("background").value_or(false)) refuse_field("background");
  const RequestJson* choice = fields.find("tool_choice");
  if (choice != nullptr && *choice != "auto" && *choice != "none") refuse_field("tool_choice");
}

/// "text.format".
void read_text_format(const RequestFields& fields, std::string_view body, ChatTask& task) {
  const RequestJson* text = fields.find("text");
  if (text == nullptr) return;
  const RequestJson* json = RequestFields(*text, "text").find("format");
  if (json == nullptr) return;
  const RequestFields format(*json, "text.format");
  const std::string type = format.need_text("type");
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
    for (std::size_t i = 0; i < input.size(); ++i) {
      add_item(input[i], fmt::format("input[{}]", i), task);
    }
  } else {
    add_message({text::Role::kUser, {text::Part::make_text(fields.need_text("input"))}}, task);
  }
  // Codex asks with nothing to see whether somebody answers.
  const bool is_empty = task.messages.empty() || task.messages.back().role == text::Role::kSystem;
  if (is_empty) add_message({text::Role::kUser, {text::Part::make_text({})}}, task);
  request.max_tokens = fields.integer("max_output_tokens", 1, kMostTokens);
  if (request.max_tokens) task.max_tokens = static_cast<int>(*request.max_tokens);
  read_text_format(fields, http.body, task);
  read_sampling(fields, task);
  read_picture_fields(fields, task);
  request.is_streamed = fields.flag("stream").value_or(false);
  return request;
}

/// The answer before its end; "output" is empty.
Json response_object(const HttpRequest& http, const ResponsesRequest& request,
                     const std::string& model, std::int64_t created) {
  Json object{{"id", "resp_" + http.id},
              {"object", "response"},
              {"created_at", created},
              {"status", "in_progress"},
              {"error", nullptr},
              {"incomplete_details", nullptr},
              {"instructions", nullptr},
              {"max_output_tokens", nullptr},
              {"model", model},
              {"output", Json::array()},
              {"parallel_tool_calls", false},
              {"previous_response_id", nullptr},
              {"store", false},
              {"tool_choice", "none"},
              {"tools", Json::array()},
              {"usage", nullptr},
              {"metadata", Json::object()}};
  if (!request.instructions.empty()) object["instructions"] = request.instructions;
  if (request.max_tokens) object["max_output_tokens"] = *request.max_tokens;
  return object;
}

Json text_part(std::string_view text) {
  return {{"type", "output_text"}, {"text", text}, {"annotations", Json::array()}};
}

/// The one item of an answer. `content` empty: it is being written.
Json output_item(const HttpRequest& http, const char* status, Json content) {
  return {{"id", "msg_" + http.id},
          {"type", "message"},
          {"status", status},
          {"role", "assistant"},
          {"content", std::move(content)}};
}

void finish_object(const HttpRequest& http, const ChatAnswer& answer, Json& object) {
  const engine::GenerationResult& result = answer.result;
  const bool is_cut = result.finish_reason == engine::FinishReason::kLength;
  const char* status = is_cut ? "incomplete" : "completed";
  object["status"] = status;
  if (is_cut) object["incomplete_details"] = {{"reason", "max_output_tokens"}};
  // Braces alone copy it with clang.
  object["output"] =
      Json::array({output_item(http, status, Json::array({text_part(result.text)}))});
  const engine::GenerationStats& stats = result.stats;
  object["usage"] = {{"input_tokens", stats.prompt_tokens},
                     {"input_tokens_details", {{"cached_tokens", stats.cached_tokens}}},
                     {"output_tokens", stats.generated_tokens},
                     {"output_tokens_details", {{"reasoning_tokens", 0}}},
                     {"total_tokens", stats.prompt_tokens + stats.generated_tokens}};
  add_boxes(answer.pictures, result.text, object);
}

void send_response(const ApiContext& context, const HttpRequest& http, ResponsesRequest request,
                   HttpResponse& response) {
  const std::int64_t created = std::time(nullptr);
  const ChatAnswer answer = run_chat(context, std::move(request.task), response.stop());
  Json object = response_object(http, request, answer.model.name, created);
  finish_object(http, answer, object);
  response.send({}, dump(object));
}

/// The events of an answer, numbered.
class ResponseEvents {
 public:
  ResponseEvents(const HttpRequest& http, HttpResponse& response)
      : http_(http), response_(response) {}

  void send(const char* type, const Json& fields) {
    Json data{{"type", type}, {"sequence_number", number_++}};
    data.update(fields);
    response_.write(fmt::format("event: {}\ndata: {}\n\n", type, dump(data)));
  }

  void begin(Json object) {
    send("response.created", {{"response", object}});
    send("response.in_progress", {{"response", std::move(object)}});
    send("response.output_item.added",
         {{"output_index", 0}, {"item", output_item(http_, "in_progress", Json::array())}});
    send("response.content_part.added", in_item({{"part", text_part("")}}));
  }
  void add_text(std::string_view text) {
    send("response.output_text.delta", in_item({{"delta", text}, {"logprobs", Json::array()}}));
  }
  void end(Json object, const std::string& text) {
    send("response.output_text.done", in_item({{"text", text}, {"logprobs", Json::array()}}));
    send("response.content_part.done", in_item({{"part", text_part(text)}}));
    send("response.output_item.done", {{"output_index", 0}, {"item", object.at("output").at(0)}});
    const bool is_cut = object.at("status") == "incomplete";
    send(is_cut ? "response.incomplete" : "response.completed", {{"response", std::move(object)}});
  }

 private:
  Json in_item(const Json& fields) const {
    Json place{{"item_id", "msg_" + http_.id}, {"output_index", 0}, {"content_index", 0}};
    place.update(fields);
    return place;
  }

  const HttpRequest& http_;
  HttpResponse& response_;
  std::size_t number_ = 0;
};

void stream_response(const ApiContext& context, const HttpRequest& http, ResponsesRequest request,
                     HttpResponse& response) {
  const std::int64_t created = std::time(nullptr);
  ResponseEvents events(http, response);
  Json object;
  ChatTask task = std::move(request.task);
  const auto begin = [&](const ServedModel& model) {
    response.begin({.content_type = "text/event-stream; charset=utf-8",
                    .headers = {{"Cache-Control", "no-cache"}}});
    object = response_object(http, request, model.name, created);
    events.begin(object);
  };
  const auto on_text = [&](std::string_view text) { events.add_text(text); };
  try {
    const ChatAnswer answer = run_chat(context, std::move(task), response.stop(), begin, on_text);
    finish_object(http, answer, object);
    events.end(std::move(object), answer.result.text);
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
