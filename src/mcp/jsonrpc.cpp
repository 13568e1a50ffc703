#include "mcp/jsonrpc.h"

#include <utility>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::mcp {
namespace {

bool is_id(const RequestJson& value) {
  return value.is_string() || value.is_number_integer();
}

std::variant<Message, ProtocolError> message_of(RequestJson body, Language language) {
  const auto refuse = [&](const LocalizedText& text, RequestJson id) {
    return ProtocolError{
        .code = kInvalidRequest, .message = text.in(language), .id = std::move(id)};
  };
  const auto id = body.find("id");
  const bool has_id = id != body.end();
  const RequestJson known_id = has_id && is_id(*id) ? *id : RequestJson();
  if (body.value("jsonrpc", RequestJson()) != "2.0") {
    return refuse(tr("jsonrpc must be \"2.0\"", "jsonrpc должно быть \"2.0\""), known_id);
  }
  Message message{.id = known_id};
  const auto method = body.find("method");
  if (method == body.end() && has_id && (body.contains("result") || body.contains("error"))) {
    message.kind = MessageKind::kResponse;
    message.params = body.value("result", RequestJson());
    return message;
  }
  if (method == body.end() || !method->is_string()) {
    return refuse(tr("method must be a string", "method: нужна строка"), known_id);
  }
  if (has_id && known_id.is_null()) {
    return refuse(tr("id must be a string or a whole number", "id: нужна строка или целое число"),
                  known_id);
  }
  message.kind = has_id ? MessageKind::kRequest : MessageKind::kNotification;
  message.method = method->get<std::string>();
  message.params = body.value("params", RequestJson(RequestJson::object()));
  if (message.params.is_null()) message.params = RequestJson::object();
  if (!message.params.is_object()) {
    return refuse(tr("params must be an object", "params: нужен объект"), known_id);
  }
  return message;
}

}  // namespace

std::variant<Message, ProtocolError> parse_message(std::string_view text, Language language) {
  try {
    return message_of(server::parse_request(text), language);
  } catch (const Error& error) {
    return ProtocolError{.code = RequestJson::accept(text) ? kInvalidRequest : kParseError,
                         .message = error.message().in(language)};
  }
}

Json response_of(const RequestJson& id, Json result) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

Json response_of(const ProtocolError& error) {
  Json object{{"code", error.code}, {"message", error.message}};
  if (!error.data.is_null()) object["data"] = error.data;
  return {{"jsonrpc", "2.0"}, {"id", error.id}, {"error", std::move(object)}};
}

Json notification_of(const char* method, Json params) {
  return {{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}};
}

int error_code_of(const Json& response) {
  const auto error = response.find("error");
  return error == response.end() ? 0 : error->at("code").get<int>();
}

}  // namespace oko::mcp
