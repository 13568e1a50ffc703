#include "server/api_error.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/lower_case.h"
#include "base/text_escape.h"
#include "engine/prompt_too_long.h"
#include "server/request_json.h"

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

bool is_too_long(const Error& error) {
  return dynamic_cast<const engine::PromptTooLong*>(&error) != nullptr;
}

int status_of(const Error& error) {
  return is_too_long(error) ? 400 : http_status(error.code());
}

ordered_json code_of(const Error& error) {
  if (is_too_long(error)) return "context_length_exceeded";
  if (error.code() == ErrorCode::kModelNotFound) return "model_not_found";
  return code_of(status_of(error));
}

/// `field`: of the request that is wrong, if it is one.
std::string body_of(const HttpRequest& request, int status, std::string_view message,
                    std::string_view field, ordered_json code) {
  const ApiStyle style = api_style_of(request.path);
  const std::string text = printable(message);
  ordered_json body;
  switch (style) {
    case ApiStyle::kOllama:
      body = {{"error", text}};
      break;
    case ApiStyle::kIosOcr:
      body = {{"success", false}, {"message", text}};
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
                {"param", field.empty() ? ordered_json() : ordered_json(printable(field))},
                {"code", std::move(code)}}}};
      break;
  }
  return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

void send(HttpResponse& response, int status, std::string body) {
  HttpHead head{.status = status};
  if (status == 429 || status == 503) head.headers.emplace_back("Retry-After", "1");
  response.send(head, std::move(body));
}

}  // namespace

ApiStyle api_style_of(std::string_view path) {
  if (path.starts_with("/api/")) return ApiStyle::kOllama;
  if (path == "/upload") return ApiStyle::kIosOcr;
  if (path.starts_with("/v1/messages")) return ApiStyle::kAnthropic;
  return ApiStyle::kOpenAi;
}

Language language_of(const HttpRequest& request) {
  const std::string accepted = lower_case(request.header("accept-language"));
  double english = 0, russian = 0;
  for (std::size_t at = 0; at < accepted.size();) {
    const std::size_t end = std::min(accepted.find(',', at), accepted.size());
    std::string_view item = std::string_view(accepted).substr(at, end - at);
    at = end + 1;
    item.remove_prefix(std::min(item.find_first_not_of(' '), item.size()));
    const std::size_t q = item.find(";q=");
    const double weight = q == std::string_view::npos
                              ? 1
                              : std::strtod(std::string(item.substr(q + 3)).c_str(), nullptr);
    double& best = item.starts_with("ru") ? russian : english;
    best = std::max(best, weight);
  }
  return russian > english ? Language::kRussian : Language::kEnglish;
}

std::string error_body(const HttpRequest& request, const Error& error) {
  const auto* of_field = dynamic_cast<const FieldError*>(&error);
  const int status = status_of(error);
  return body_of(request, status, text_of(request, error),
                 of_field == nullptr ? std::string() : of_field->field(), code_of(error));
}

std::string error_body(const HttpRequest& request, int status, std::string_view message) {
  return body_of(request, status, message, {}, code_of(status));
}

std::string text_of(const HttpRequest& request, const Error& error) {
  const Language language = language_of(request);
  std::string text = error.message().in(language);
  if (!error.hint().empty()) text += "; " + error.hint().in(language);
  return text;
}

void send_error(const HttpRequest& request, HttpResponse& response, int status,
                const LocalizedText& message) {
  send(response, status, error_body(request, status, message.in(language_of(request))));
}

void send_error(const HttpRequest& request, HttpResponse& response, const Error& error) {
  send(response, status_of(error), error_body(request, error));
}

}  // namespace oko::server
