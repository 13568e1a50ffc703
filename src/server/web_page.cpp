#include "server/web_page.h"

#include <algorithm>
#include <string>

#include "base/localized_text.h"
#include "server/api_error.h"

namespace oko::server {
namespace {

constexpr std::string_view kFolder = "/web/";

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".json")) return "application/json";
  return "image/svg+xml";
}

/// Only files of this server, no code or style within HTML, no frames. Pictures of the user are
/// blobs of the page. (W3C, "Content Security Policy Level 3")
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

bool wants_html(const HttpRequest& request) {
  return request.header("accept").find("text/html") != std::string_view::npos;
}

void send_file(const WebFile& file, const HttpRequest& request, HttpResponse& response) {
  HttpHead head{.content_type = std::string(type_of(file.name)),
                .headers = {{"ETag", std::string(file.etag)},
                            {"Cache-Control", "no-cache"},  // asks each time, by the ETag
                            {"Content-Security-Policy", kPolicy},
                            {"X-Content-Type-Options", "nosniff"},
                            {"Referrer-Policy", "no-referrer"},
                            {"Cross-Origin-Opener-Policy", "same-origin"}}};
  if (request.path == "/") head.headers.emplace_back("Vary", "Accept");
  const bool has_it = request.header("if-none-match").find(file.etag) != std::string_view::npos;
  if (has_it) head.status = 304;
  response.send(head, has_it ? std::string() : std::string(file.bytes));
}

void send_named(std::string_view name, const HttpRequest& request, HttpResponse& response) {
  const auto files = web_files();
  const auto file = std::find_if(files.begin(), files.end(),
                                 [&](const WebFile& each) { return each.name == name; });
  if (file == files.end()) {
    send_error(request, response, 404,
               tr("there is nothing at {}", "по адресу {} ничего нет", request.path));
    return;
  }
  send_file(*file, request, response);
}

}  // namespace

bool is_page(const HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD") return false;
  return request.path.starts_with(kFolder) || (request.path == "/" && wants_html(request));
}

std::vector<Route> page_routes() {
  return {{"GET", "/",
           [](const HttpRequest& request, HttpResponse& response) {
             if (wants_html(request)) {
               send_named("index.html", request, response);
             } else {
               response.send(
                   {.content_type = "text/plain; charset=utf-8", .headers = {{"Vary", "Accept"}}},
                   "Ollama is running");
             }
           }},
          {"GET", "/web/{file}", [](const HttpRequest& request, HttpResponse& response) {
             send_named(std::string_view(request.path).substr(kFolder.size()), request, response);
           }}};
}

}  // namespace oko::server
