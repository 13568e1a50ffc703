#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/language.h"
#include "server/http_message.h"

namespace oko::server {

/// The protocols whose clients oko serves. Each has its own shape of an error.
enum class ApiStyle { kOpenAi, kOllama, kAnthropic, kIosOcr };

/// By the path of a request.
ApiStyle api_style_of(std::string_view path);

/// The language that the client asks for (Accept-Language); English unless it prefers Russian.
Language language_of(const HttpRequest& request);

/// An error of a request, as its protocol writes it. Sources: OpenAI's API reference ("Error
/// codes"), Ollama's docs/api.md, Anthropic's API reference ("Errors"). A prompt that is too long
/// has the status, code and words by which clients know it and shorten their conversation.
std::string error_body(const HttpRequest& request, const Error& error);
std::string error_body(const HttpRequest& request, int status, std::string_view message);

/// Sends `error`, with its hint. 429 and 503 get Retry-After.
void send_error(const HttpRequest& request, HttpResponse& response, const Error& error);
void send_error(const HttpRequest& request, HttpResponse& response, int status,
                const LocalizedText& message);

/// The text of an error and its hint for this client.
std::string text_of(const HttpRequest& request, const Error& error);

}  // namespace oko::server
