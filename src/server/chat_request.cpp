#include "server/chat_request.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "server/data_uri.h"
#include "server/picture_fields.h"
#include "server/raw_json.h"
#include "server/request_json.h"
#include "server/sampling_fields.h"
#include "server/tool_fields.h"

namespace oko::server {
namespace {

/// Fields of OpenAI's API that would change the answer and that oko does not have yet.
void refuse_unknown(const RequestFields& fields) {
  for (const char* name : {"functions", "audio", "modalities"}) {
    const RequestJson* value = fields.find(name);
    const bool asks = value != nullptr && *value != false && *value != 0 && !value->empty() &&
                      *value != RequestJson::array({"text"});
    if (asks) refuse_field(name);
  }
  constexpr const char* kSearch = "web_search_options";  // {} asks for it, too
  if (fields.find(kSearch) != nullptr) refuse_field(kSearch);
}

void read_logprobs(const RequestFields& fields, ChatTask& task) {
  const bool has_logprobs = fields.flag("logprobs").value_or(false);
  const auto top = fields.integer("top_logprobs", 0, 20);
  if (top && !has_logprobs) {
    throw FieldError("top_logprobs", tr("top_logprobs needs \"logprobs\": true",
                                        "для top_logprobs нужно \"logprobs\": true"));
  }
  if (has_logprobs) task.sampling.top_logprobs = static_cast<int>(top.value_or(0));
}

/// "response_format", of which `body` has the schema with its keys in order.
void read_format(const RequestFields& fields, std::string_view body, ChatTask& task) {
  const RequestJson* json = fields.find("response_format");
  if (json == nullptr) return;
  const RequestFields format(*json, "response_format");
  const std::string& type = format.need_text("type");
  if (type == "text") return;
  if (type == "json_object") {
    task.schema = kAnyObject;
    task.schema_name = format.name_of("type");
    return;
  }
  if (type != "json_schema") {
    refuse_value(format.name_of("type"),
                 tr("text, json_object or json_schema", "text, json_object или json_schema"));
  }
  const RequestFields inner(format.need("json_schema"), format.name_of("json_schema"));
  task.schema_name = inner.name_of("schema");
  task.schema =
      raw_member(raw_member(raw_member(body, "response_format"), "json_schema"), "schema");
  if (task.schema.empty()) task.schema = inner.need("schema").dump();
}

void add_part(const RequestJson& json, const std::string& name, text::Message& message,
              ChatTask& task) {
  const RequestFields part(json, name);
  const std::string& type = part.need_text("type");
  if (type == "text" || type == "input_text") {
    message.parts.push_back(text::Part::make_text(part.need_text("text")));
    return;
  }
  std::string_view uri;
  std::string field;
  if (type == "image_url") {
    const RequestJson& value = part.need("image_url");
    field = part.name_of("image_url");
    uri = value.is_string() ? part.need_text("image_url")
                            : RequestFields(value, field).need_text("url");
  } else if (type == "file") {
    field = part.name_of("file");
    uri = RequestFields(part.need("file"), field).need_text("file_data");
  } else {
    refuse_value(part.name_of("type"), tr("text, image_url or file", "text, image_url или file"));
  }
  message.parts.push_back(text::Part::make_image());
  task.pictures.push_back(picture_of_uri(uri, name, field));
}

text::Role role_of(const RequestFields& fields) {
  const std::string& role = fields.need_text("role");
  if (role == "system" || role == "developer") return text::Role::kSystem;
  if (role == "user") return text::Role::kUser;
  if (role == "assistant") return text::Role::kAssistant;
  if (role == "tool") return text::Role::kTool;
  refuse_value(fields.name_of("role"),
               tr("system, user, assistant or tool", "system, user, assistant или tool"));
}

void add_message(const RequestJson& json, const std::string& name, ChatTask& task) {
  const RequestFields fields(json, name);
  text::Message message{role_of(fields), {}};
  if (message.role == text::Role::kAssistant) message.calls = read_calls(fields);
  const RequestJson* content = fields.find("content");
  const bool may_be_empty = message.role == text::Role::kAssistant;
  if (content == nullptr && may_be_empty) {
    message.parts.push_back(text::Part::make_text({}));
  } else if (content != nullptr && content->is_array()) {
    for (std::size_t i = 0; i < content->size(); ++i) {
      add_part((*content)[i], fmt::format("{}.content[{}]", name, i), message, task);
    }
  } else {
    message.parts.push_back(text::Part::make_text(fields.need_text("content")));
  }
  server::add_message(std::move(message), task);
}

}  // namespace

ChatRequest parse_chat(const HttpRequest& http) {
  const RequestJson body = parse_request(http.body);
  const RequestFields fields(body);
  refuse_unknown(fields);
  ChatRequest request;
  ChatTask& task = request.task;
  task.model = fields.text("model").value_or("");
  const RequestJson& messages = fields.need("messages");
  if (!messages.is_array() || messages.empty()) {
    refuse_value("messages", tr("a list with a message", "список, в котором есть сообщение"));
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    add_message(messages[i], fmt::format("messages[{}]", i), task);
  }
  const auto older = read_limit(fields, "max_tokens");
  task.max_tokens =
      read_limit(fields, "max_completion_tokens").value_or(older.value_or(task.max_tokens));
  read_format(fields, http.body, task);
  read_tools(fields, http.body, task);
  read_picture_fields(fields, task);
  read_sampling(fields, task);
  read_logit_bias(fields, task);
  read_logprobs(fields, task);
  request.choices = static_cast<int>(fields.integer("n", 1, kMostChoices).value_or(1));
  request.is_streamed = fields.flag("stream").value_or(false);
  if (const RequestJson* options = fields.find("stream_options")) {
    request.includes_usage =
        RequestFields(*options, "stream_options").flag("include_usage").value_or(false);
  }
  return request;
}

}  // namespace oko::server
