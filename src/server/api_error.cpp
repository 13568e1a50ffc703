#include "server/api_error.h"

#include <nlohmann/json.hpp>

#include "base/text_escape.h"

namespace oko::server {
namespace {

using nlohmann::ordered_json;

/// OpenAI's and Anthropic's "type" of an error.
const char* type_of(ApiStyle style, int status) {
  const bool is_openai = style == ApiStyle::kOpenAi;
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return is_openai ? "invalid_request_error" : "not_found_error";
    case 413:
      return is_openai ? "invalid_request_error" : "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return is_openai ? "server_error" : "overloaded_error";
    default:
      break;
  }
  if (status < 500) return "invalid_request_error";
  return is_openai ? "server_error" : "api_error";
}

/// OpenAI's "code", which its clients compare.
ordered_json code_of(int status) {
  switch (status) {
    case 401:
      return "invalid_api_key";
    case 404:
      return "not_found";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_exceeded";
    default:
      return nullptr;
  }
}

}  // namespace

ApiStyle api_style_of(std::string_view path) {
  if (path.starts_with("/api/")) return ApiStyle::kOllama;
  if (path.starts_with("/v1/messages")) return ApiStyle::kAnthropic;
  return ApiStyle::kOpenAi;
}

Language language_of(const HttpRequest& request) {
  // The languages come in the order of their weight from all clients that were seen.
  return request.header("accept-language").starts_with("ru") ? Language::kRussian
                                                             : Language::kEnglish;
}

std::string error_body(const HttpRequest& request, int status, std::string_view message) {
  const ApiStyle style = api_style_of(request.path);
  const std::string text = printable(message);
  ordered_json body;
  switch (style) {
    case ApiStyle::kOllama:
      body = {{"error", text}};
      break;
    case ApiStyle::kAnthropic:
      body = {{"type", "error"},
              {"error", {{"type", type_of(style, status)}, {"message", text}}},
              {"request_id", request.id}};
      break;
    case ApiStyle::kOpenAi:
      body = {{"error",
               {{"message", text},
                {"type", type_of(style, status)},
                {"param", nullptr},
                {"code", code_of(status)}}}};
      break;
  }
  return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string text_of(const HttpRequest& request, const Error& error) {
  const Language language = language_of(request);
  std::string text = error.message().in(language);
  if (!error.hint().empty()) text += "; " + error.hint().in(language);
  return text;
}

void send_error(const HttpRequest& request, HttpResponse& response, int status,
                const LocalizedText& message) {
  HttpHead head{.status = status};
  if (status == 429 || status == 503) head.headers.emplace_back("Retry-After", "1");
  response.send(head, error_body(request, status, message.in(language_of(request))));
}

void send_error(const HttpRequest& request, HttpResponse& response, const Error& error) {
  send_error(request, response, http_status(error.code()), LocalizedText(text_of(request, error)));
}

}  // namespace oko::server
