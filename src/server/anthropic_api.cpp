#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "server/api.h"
#include "server/api_error.h"
#include "server/chat_task.h"
#include "server/data_uri.h"
#include "server/request_json.h"
#include "server/sampling_fields.h"

// Anthropic's API reference: "Messages", "Streaming messages", "Count tokens".
namespace oko::server {
namespace {

constexpr std::size_t kMostSequences = 16;

struct MessagesRequest {
  ChatTask task;
  bool is_streamed = false;
};

[[noreturn]] void refuse_source(const RequestFields& source) {
  refuse_value(source.name_of("type"),
               tr("base64 or text; oko fetches neither addresses nor files for a client",
                  "base64 или text; ни адресов, ни файлов oko для клиента не читает"));
}

/// A block of a message: "text", "image" or "document".
void add_block(const RequestJson& json, const std::string& name, text::Message& message,
               ChatTask& task) {
  const RequestFields block(json, name);
  const std::string type = block.need_text("type");
  if (type == "text") {
    message.parts.push_back(text::Part::make_text(block.need_text("text")));
    return;
  }
  if (type != "image" && type != "document") {
    refuse_value(block.name_of("type"), tr("text, image or document", "text, image или document"));
  }
  const RequestFields source(block.need("source"), block.name_of("source"));
  const std::string kind = source.need_text("type");
  const bool is_document = type == "document";
  if (is_document) {
    for (const char* words : {"title", "context"}) {
      const std::string text = block.text(words).value_or("");
      if (!text.empty()) message.parts.push_back(text::Part::make_text(text + "\n"));
    }
  }
  if (is_document && kind == "text") {
    message.parts.push_back(text::Part::make_text(source.need_text("data")));
  } else if (kind == "base64") {
    message.parts.push_back(text::Part::make_image());
    task.pictures.push_back(
        {name, bytes_of_picture_text(source.need_text("data"), source.name_of("data"))});
  } else {
    refuse_source(source);
  }
}

void add_blocks(const RequestJson& content, const std::string& name, text::Message& message,
                ChatTask& task) {
  if (content.is_string()) {
    message.parts.push_back(text::Part::make_text(content.get<std::string>()));
    return;
  }
  if (!content.is_array()) {
    refuse_value(name, tr("a string, or a list of blocks", "строка или список блоков"));
  }
  for (std::size_t i = 0; i < content.size(); ++i) {
    add_block(content[i], fmt::format("{}[{}]", name, i), message, task);
  }
}

void add_turn(const RequestJson& json, const std::string& name, ChatTask& task) {
  const RequestFields fields(json, name);
  const std::string role = fields.need_text("role");
  if (role != "user" && role != "assistant") {
    refuse_value(fields.name_of("role"), tr("user or assistant", "user или assistant"));
  }
  text::Message message{role == "user" ? text::Role::kUser : text::Role::kAssistant, {}};
  add_blocks(fields.need("content"), fields.name_of("content"), message, task);
  task.messages.push_back(std::move(message));
}

/// Fields that would change the answer and that oko does not have.
void refuse_unknown_of_messages(const RequestFields& fields) {
  if (const RequestJson* tools = fields.find("tools"); tools != nullptr && !tools->empty()) {
    const RequestJson* choice = fields.find("tool_choice");
    const bool is_none =
        choice != nullptr && choice->is_object() && choice->value("type", "") == "none";
    if (!is_none) refuse_field("tools");
  }
  if (const RequestJson* thinking = fields.find("thinking")) {
    if (RequestFields(*thinking, "thinking").text("type") == "enabled") refuse_field("thinking");
  }
}

std::vector<std::string> sequences_of(const RequestFields& fields) {
  const RequestJson* given = fields.find("stop_sequences");
  if (given == nullptr) return {};
  const auto expected =
      tr("a list of at most {} strings", "список, не больше {} строк", kMostSequences);
  if (!given->is_array() || given->size() > kMostSequences) {
    refuse_value("stop_sequences", expected);
  }
  std::vector<std::string> sequences;
  for (const RequestJson& sequence : *given) {
    if (!sequence.is_string()) refuse_value("stop_sequences", expected);
    sequences.push_back(sequence.get<std::string>());
  }
  return sequences;
}

MessagesRequest parse_messages(const HttpRequest& http, bool is_answered) {
  const RequestJson body = parse_request(http.body);
  const RequestFields fields(body);
  refuse_unknown_of_messages(fields);
  MessagesRequest request;
  ChatTask& task = request.task;
  task.model = fields.text("model").value_or("");
  if (const RequestJson* system = fields.find("system"); system != nullptr && !system->empty()) {
    text::Message message{text::Role::kSystem, {}};
    add_blocks(*system, "system", message, task);
    if (!task.pictures.empty()) refuse_value("system", tr("text", "текст"));
    task.messages.push_back(std::move(message));
  }
  const RequestJson& messages = fields.need("messages");
  if (!messages.is_array() || messages.empty()) {
    refuse_value("messages", tr("a list with a message", "список, в котором есть сообщение"));
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    add_turn(messages[i], fmt::format("messages[{}]", i), task);
  }
  if (is_answered) fields.need("max_tokens");
  task.max_tokens =
      static_cast<int>(fields.integer("max_tokens", 1, kMostTokens).value_or(task.max_tokens));
  read_sampling(fields, task);
  task.stop = sequences_of(fields);
  request.is_streamed = fields.flag("stream").value_or(false);
  return request;
}

Json message_usage(const engine::GenerationStats& stats) {
  return {{"input_tokens", stats.prompt_tokens - stats.cached_tokens},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", stats.cached_tokens},
          {"output_tokens", stats.generated_tokens}};
}

/// "stop_reason" and "stop_sequence".
Json ending_of(const engine::GenerationResult& result) {
  const bool is_long = result.finish_reason == engine::FinishReason::kLength;
  Json ending{{"stop_reason", is_long               ? "max_tokens"
                              : result.stop.empty() ? "end_turn"
                                                    : "stop_sequence"},
              {"stop_sequence", nullptr}};
  if (!result.stop.empty()) ending["stop_sequence"] = result.stop;
  return ending;
}

Json message_of(const HttpRequest& http, const std::string& model, Json content) {
  return {{"id", "msg_" + http.id},        {"type", "message"},
          {"role", "assistant"},           {"model", model},
          {"content", std::move(content)}, {"stop_reason", nullptr},
          {"stop_sequence", nullptr}};
}

void send_message(const ApiContext& context, const HttpRequest& http, MessagesRequest request,
                  HttpResponse& response) {
  const ChatAnswer answer = run_chat(context.models, std::move(request.task), response.stop());
  Json content{{{"type", "text"}, {"text", answer.result.text}}};
  Json message = message_of(http, answer.model.name, std::move(content));
  message.update(ending_of(answer.result));
  message["usage"] = message_usage(answer.result.stats);
  response.send({}, dump(message));
}

/// An event, whose data has its name once more.
void send_named(HttpResponse& response, const Json& data) {
  response.write(fmt::format("event: {}\ndata: {}\n\n",
                             data.at("type").get_ref<const std::string&>(), dump(data)));
}

void stream_message(const ApiContext& context, const HttpRequest& http, MessagesRequest request,
                    HttpResponse& response) {
  const auto begin = [&](const ServedModel& model) {
    response.begin({.content_type = "text/event-stream; charset=utf-8",
                    .headers = {{"Cache-Control", "no-cache"}}});
    Json message = message_of(http, model.name, Json::array());
    message["usage"] = message_usage({});  // that of message_delta is the true one
    send_named(response, {{"type", "message_start"}, {"message", std::move(message)}});
    send_named(response, {{"type", "content_block_start"},
                          {"index", 0},
                          {"content_block", {{"type", "text"}, {"text", ""}}}});
    send_named(response, {{"type", "ping"}});
  };
  const auto on_text = [&](std::string_view text) {
    send_named(response, {{"type", "content_block_delta"},
                          {"index", 0},
                          {"delta", {{"type", "text_delta"}, {"text", text}}}});
  };
  try {
    const ChatAnswer answer =
        run_chat(context.models, std::move(request.task), response.stop(), begin, on_text);
    send_named(response, {{"type", "content_block_stop"}, {"index", 0}});
    send_named(response, {{"type", "message_delta"},
                          {"delta", ending_of(answer.result)},
                          {"usage", message_usage(answer.result.stats)}});
    send_named(response, {{"type", "message_stop"}});
  } catch (const Error& error) {
    if (!response.has_begun() || error.code() == ErrorCode::kCancelled) throw;
    response.write(fmt::format("event: error\ndata: {}\n\n",
                               error_body(http, http_status(error.code()), text_of(http, error))));
  }
  response.end();
}

void count_tokens(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  const MessagesRequest request = parse_messages(http, false);
  const std::size_t tokens = count_chat_tokens(context.models, request.task, response.stop());
  response.send({}, dump({{"input_tokens", tokens}}));
}

}  // namespace

std::vector<Route> anthropic_routes(const ApiContext& context) {
  return {{"POST", "/v1/messages",
           [&context](const HttpRequest& http, HttpResponse& response) {
             MessagesRequest request = parse_messages(http, true);
             const auto send = request.is_streamed ? stream_message : send_message;
             send(context, http, std::move(request), response);
           }},
          {"POST", "/v1/messages/count_tokens",
           [&context](const HttpRequest& http, HttpResponse& response) {
             count_tokens(context, http, response);
           }}};
}

}  // namespace oko::server
