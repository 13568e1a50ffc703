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
#include "server/picture_fields.h"
#include "server/raw_json.h"
#include "server/remote_pictures.h"
#include "server/request_json.h"
#include "server/sampling_fields.h"
#include "server/tool_fields.h"

// Anthropic's API reference: "Messages", "Streaming messages", "Count tokens".
namespace oko::server {
namespace {

constexpr std::size_t kMostSequences = 16;

struct MessagesRequest {
  ChatTask task;
  bool is_streamed = false;
};

[[noreturn]] void refuse_source(const RequestFields& source) {
  refuse_value(source.name_of("type"), tr("base64, url or text; oko keeps no files of clients",
                                          "base64, url или text; файлов клиентов oko не хранит"));
}

/// A block of a message: "text", "image" or "document".
void add_block(const RequestJson& json, const std::string& name, text::Message& message,
               ChatTask& task) {
  const RequestFields block(json, name);
  const std::string& type = block.need_text("type");
  if (type == "text") {
    message.parts.push_back(text::Part::make_text(block.need_text("text")));
    return;
  }
  if (type != "image" && type != "document") {
    refuse_value(block.name_of("type"), tr("text, image or document", "text, image или document"));
  }
  const RequestFields source(block.need("source"), block.name_of("source"));
  const std::string& kind = source.need_text("type");
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
  } else if (kind == "url") {
    message.parts.push_back(text::Part::make_image());
    task.pictures.push_back(picture_of_uri(source.need_text("url"), name, source.name_of("url")));
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

/// A block "tool_result" as a message of the tool. Its pictures go to `user`, the message that
/// follows: a prompt has them there alone.
void add_result(const RequestFields& block, text::Message& user, ChatTask& task) {
  block.need_text("tool_use_id");
  text::Message result{text::Role::kTool, {}};
  if (const RequestJson* content = block.find("content")) {
    text::Message given{text::Role::kTool, {}};
    add_blocks(*content, block.name_of("content"), given, task);
    for (text::Part& part : given.parts) {
      const bool is_text = part.kind == text::Part::Kind::kText;
      (is_text ? result : user).parts.push_back(std::move(part));
    }
  }
  if (result.parts.empty()) result.parts.push_back(text::Part::make_text({}));
  task.messages.push_back(std::move(result));
}

/// A block that belongs to its role alone; false: it may stand in each.
bool add_own_block(const RequestJson& json, const std::string& name, text::Message& message,
                   ChatTask& task) {
  const RequestFields block(json, name);
  const std::string& type = block.need_text("type");
  if (message.role == text::Role::kUser) {
    if (type != "tool_result") return false;
    add_result(block, message, task);
    return true;
  }
  if (type == "tool_use") message.calls.push_back(read_tool_use(block));
  // Thoughts of earlier answers are left out, as the models' templates do.
  return type == "tool_use" || type == "thinking" || type == "redacted_thinking";
}

void add_turn(const RequestJson& json, const std::string& name, ChatTask& task) {
  const RequestFields fields(json, name);
  const std::string& role = fields.need_text("role");
  if (role != "user" && role != "assistant") {
    refuse_value(fields.name_of("role"), tr("user or assistant", "user или assistant"));
  }
  text::Message message{role == "user" ? text::Role::kUser : text::Role::kAssistant, {}};
  const RequestJson& content = fields.need("content");
  if (!content.is_array()) {
    add_blocks(content, fields.name_of("content"), message, task);
    task.messages.push_back(std::move(message));
    return;
  }
  const std::size_t before = task.messages.size();
  for (std::size_t i = 0; i < content.size(); ++i) {
    const std::string block = fmt::format("{}[{}]", fields.name_of("content"), i);
    if (!add_own_block(content[i], block, message, task)) {
      add_block(content[i], block, message, task);
    }
  }
  // Results of tools may be all that a client says.
  const bool says = !message.parts.empty() || !message.calls.empty();
  if (says || task.messages.size() == before) task.messages.push_back(std::move(message));
}

/// "thinking": a client that does not ask for thoughts does not expect them.
void read_thinking(const RequestFields& fields, ChatTask& task) {
  const RequestJson* thinking = fields.find("thinking");
  const auto type =
      thinking == nullptr ? std::nullopt : RequestFields(*thinking, "thinking").text("type");
  task.gives_thoughts = type == "enabled" || type == "adaptive";
  if (type == "enabled") task.thoughts_field = "thinking";
}

/// "output_config.format": a schema of the answer.
void read_output_format(const RequestFields& fields, std::string_view body, ChatTask& task) {
  const RequestJson* config = fields.find("output_config");
  if (config == nullptr) return;
  const RequestJson* json = RequestFields(*config, "output_config").find("format");
  if (json == nullptr) return;
  const RequestFields format(*json, "output_config.format");
  if (format.need_text("type") != "json_schema") {
    refuse_value(format.name_of("type"), tr("json_schema", "json_schema"));
  }
  task.schema_name = format.name_of("schema");
  task.schema = raw_member(raw_member(raw_member(body, "output_config"), "format"), "schema");
  if (task.schema.empty()) task.schema = format.need("schema").dump();
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
  MessagesRequest request;
  ChatTask& task = request.task;
  const RequestJson* servers = fields.find("mcp_servers");
  if (servers != nullptr && !servers->empty()) refuse_field("mcp_servers");
  read_thinking(fields, task);
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
  read_output_format(fields, http.body, task);
  read_anthropic_tools(fields, http.body, task);
  read_sampling(fields, task);
  read_picture_fields(fields, task);
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
  Json ending{{"stop_reason", is_long                 ? "max_tokens"
                              : !result.stop.empty()  ? "stop_sequence"
                              : !result.calls.empty() ? "tool_use"
                                                      : "end_turn"},
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

Json tool_use_json(const HttpRequest& http, std::size_t call, const std::string& name, Json input) {
  return {{"type", "tool_use"},
          {"id", fmt::format("toolu_{}_{}", http.id, call)},
          {"name", name},
          {"input", std::move(input)}};
}

Json thinking_block(std::string_view thoughts) {
  return {{"type", "thinking"}, {"thinking", thoughts}, {"signature", ""}};
}

/// The blocks of an answer, at least one.
Json content_of(const HttpRequest& http, const engine::GenerationResult& result) {
  Json content = Json::array();
  if (!result.thoughts.empty()) content.push_back(thinking_block(result.thoughts));
  if (!result.text.empty()) content.push_back({{"type", "text"}, {"text", result.text}});
  for (std::size_t i = 0; i < result.calls.size(); ++i) {
    auto [name, input] = CallReader::read_object(result.calls[i]);
    if (!input.is_null()) content.push_back(tool_use_json(http, i, name, std::move(input)));
  }
  if (content.empty()) content.push_back({{"type", "text"}, {"text", ""}});
  return content;
}

void send_message(const ApiContext& context, const HttpRequest& http, MessagesRequest request,
                  HttpResponse& response) {
  const ChatAnswer answer = run_chat(context, std::move(request.task), response.stop());
  Json message = message_of(http, answer.model.name, content_of(http, answer.result));
  message.update(ending_of(answer.result));
  add_boxes(answer.pictures, answer.result.text, message);
  add_notes(language_of(http), answer.notes, message);
  message["usage"] = message_usage(answer.result.stats);
  response.send({}, dump(message));
}

/// The events of an answer: blocks one after another, each of thoughts, of text or of a call.
class MessageEvents {
 public:
  MessageEvents(const HttpRequest& http, HttpResponse& response)
      : http_(http), response_(response) {}

  void begin(const ServedModel& model) {
    response_.begin({.content_type = "text/event-stream; charset=utf-8",
                     .headers = {{"Cache-Control", "no-cache"}}});
    Json message = message_of(http_, model.name, Json::array());
    message["usage"] = message_usage({});  // that of message_delta is the true one
    send({{"type", "message_start"}, {"message", std::move(message)}});
    send({{"type", "ping"}});
  }

  void send(const ChatPiece& piece) {
    if (!piece.thoughts.empty()) {
      if (blocks_ == 0) open(thinking_block(""), false);
      send_delta({{"type", "thinking_delta"}, {"thinking", piece.thoughts}});
    }
    if (!piece.text.empty()) {
      if (!is_text_) open({{"type", "text"}, {"text", ""}}, true);
      send_delta({{"type", "text_delta"}, {"text", piece.text}});
    }
    for (const engine::CallPiece& call : piece.calls) send_call(call);
  }

  void end(const ChatChoices& answer) {
    const engine::GenerationResult& result = answer.results.front();
    if (blocks_ == 0) open({{"type", "text"}, {"text", ""}}, true);
    close();
    Json end{{"type", "message_delta"},
             {"delta", ending_of(result)},
             {"usage", message_usage(result.stats)}};
    add_boxes(answer.pictures, result.text, end);
    add_notes(language_of(http_), answer.notes, end);
    send(end);
    send({{"type", "message_stop"}});
  }

 private:
  void send_call(const engine::CallPiece& piece) {
    if (readers_.size() <= piece.call) readers_.resize(piece.call + 1);
    const CallReader::Piece part = readers_[piece.call].push(piece.text);
    if (!part.name.empty()) {
      open(tool_use_json(http_, piece.call, part.name, Json::object()), false);
    }
    if (!part.arguments.empty()) {
      send_delta({{"type", "input_json_delta"}, {"partial_json", part.arguments}});
    }
  }

  void open(Json block, bool is_text) {
    close();
    is_text_ = is_text;
    send({{"type", "content_block_start"},
          {"index", blocks_++},
          {"content_block", std::move(block)}});
  }

  void close() {
    if (blocks_ > 0) send({{"type", "content_block_stop"}, {"index", blocks_ - 1}});
  }

  void send_delta(Json delta) {
    send({{"type", "content_block_delta"}, {"index", blocks_ - 1}, {"delta", std::move(delta)}});
  }

  /// An event, whose data has its name once more.
  void send(const Json& data) {
    response_.write(fmt::format("event: {}\ndata: {}\n\n",
                                data.at("type").get_ref<const std::string&>(), dump(data)));
  }

  const HttpRequest& http_;
  HttpResponse& response_;
  std::vector<CallReader> readers_;  ///< of each call
  int blocks_ = 0;                   ///< that were opened; the last one is open
  bool is_text_ = false;             ///< of the open one
};

void stream_message(const ApiContext& context, const HttpRequest& http, MessagesRequest request,
                    HttpResponse& response) {
  MessageEvents events(http, response);
  try {
    const ChatChoices answer = run_choices(
        context, std::move(request.task), 1, response.stop(),
        [&](const ServedModel& model) { events.begin(model); },
        [&](const ChatPiece& piece) { events.send(piece); });
    events.end(answer);
  } catch (const Error& error) {
    if (!response.has_begun() || error.code() == ErrorCode::kCancelled) throw;
    response.write(fmt::format("event: error\ndata: {}\n\n", error_body(http, error)));
  }
  response.end();
}

void count_tokens(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  MessagesRequest request = parse_messages(http, false);
  context.remote.fetch(request.task, response.stop());
  const std::size_t tokens = count_chat_tokens(context, request.task, response.stop());
  response.send({}, dump({{"input_tokens", tokens}}));
}

}  // namespace

std::vector<Route> anthropic_routes(const ApiContext& context) {
  return {{"POST", "/v1/messages",
           [&context](const HttpRequest& http, HttpResponse& response) {
             MessagesRequest request = parse_messages(http, true);
             context.remote.fetch(request.task, response.stop());
             const auto send = request.is_streamed ? stream_message : send_message;
             send(context, http, std::move(request), response);
           }},
          {"POST", "/v1/messages/count_tokens",
           [&context](const HttpRequest& http, HttpResponse& response) {
             count_tokens(context, http, response);
           }}};
}

}  // namespace oko::server
