#include "server/api_server.h"

#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/lower_case.h"
#include "server/api.h"
#include "server/api_error.h"

namespace oko::server {
namespace {

int status_of(Access access) {
  return access == Access::kNoKey ? 401 : 403;
}

LocalizedText site_of(const HttpRequest& request) {
  const std::string_view origin = request.header("origin");
  return origin.empty() ? tr("another site", "другого сайта") : LocalizedText(origin);
}

LocalizedText text_of(Access access, const HttpRequest& request) {
  switch (access) {
    case Access::kWrongHost:
      return tr("the name {} is not served; its owner may allow it by --allow-host",
                "имя {} не обслуживается; владелец может разрешить его: --allow-host",
                request.header("host"));
    case Access::kWrongOrigin:
      return tr("pages of {} may not ask; the owner may allow them by --allow-origin",
                "страницам {} спрашивать нельзя; владелец может разрешить: --allow-origin",
                site_of(request));
    case Access::kNoKey:
      return tr("the key is missing or wrong: Authorization: Bearer KEY",
                "ключа нет или он неверен: Authorization: Bearer КЛЮЧ");
    case Access::kGranted:
      break;
  }
  return {};
}

LocalizedText text_of(HttpRefusal refusal, const HttpServerOptions& options) {
  switch (refusal) {
    case HttpRefusal::kMalformed:
      return tr("the request is not proper HTTP/1.1; look at its path, Host and length",
                "запрос — не настоящий HTTP/1.1; проверьте путь, Host и длину");
    case HttpRefusal::kHeaderTooLarge:
      return tr("the header has more than {} bytes", "в заголовке больше {} байт",
                options.max_header_bytes);
    case HttpRefusal::kBodyTooLarge:
      return tr("the body has more than {} bytes", "в теле запроса больше {} байт",
                options.max_body_bytes);
    case HttpRefusal::kBusy:
      return tr("too many requests at once: {} run, or their bodies have {} bytes",
                "слишком много запросов одновременно: выполняется {} или их тела занимают {} байт",
                options.max_requests, options.max_bodies_bytes);
  }
  return {};
}

bool is_compressed(const HttpRequest& request) {
  const std::string coding = lower_case(request.header("content-encoding"));
  return !coding.empty() && coding != "identity";
}

bool is_loopback(const std::string& address) {
  return address == "::1" || address.starts_with("127.");
}

}  // namespace

struct ApiServer::Parts {
  explicit Parts(ApiServerOptions given)
      : options(std::move(given)),
        models(options.models),
        reader(models.host()),
        library(options.library),
        remote(options.remote_pictures),
        indexing(library, models, reader),
        context{.models = models,
                .reader = reader,
                .texts = texts,
                .read_text = options.read_text,
                .library = library,
                .remote = remote,
                .indexing = indexing,
                .metrics = metrics,
                .plan = options.plan,
                .version = options.version},
        router(api_router(context)) {
    if (options.more_routes) router.add(options.more_routes(context));
  }

  /// Also answers what needs no handler: these are not refused while many requests run.
  bool admit(const HttpRequest& request, HttpResponse& response) const {
    const Access access = check_access(options.access, request);
    const bool is_get = request.method == "GET" || request.method == "HEAD";
    if (access != Access::kGranted) {
      send_error(request, response, status_of(access), text_of(access, request));
    } else if (request.method == "OPTIONS" && !request.header("origin").empty()) {
      response.send({.status = 204,
                     .content_type = "",
                     .headers = {{"Access-Control-Allow-Methods", "GET, POST, DELETE"},
                                 {"Access-Control-Allow-Headers", "*, Authorization"},
                                 {"Access-Control-Max-Age", "600"}}},
                    "");
    } else if (request.path == "/health" && is_get) {
      response.send({}, health_body(context));
    } else if (is_compressed(request)) {
      send_error(request, response, 415,
                 tr("the body is compressed (Content-Encoding); send it as it is",
                    "тело запроса сжато (Content-Encoding); пришлите его без сжатия"));
    } else {
      return true;
    }
    return false;
  }

  /// Pages that may ask may read the answer (Fetch, "CORS protocol").
  HttpHeaders headers_for(const HttpRequest& request) const {
    HttpHeaders headers;
    if (api_style_of(request.path) == ApiStyle::kAnthropic) {
      headers.emplace_back("Request-Id", request.id);  // its clients know no other name
    }
    const std::string origin(request.header("origin"));
    if (origin.empty() || check_access(options.access, request) == Access::kWrongOrigin) {
      return headers;
    }
    headers.emplace_back("Access-Control-Allow-Origin", origin);
    headers.emplace_back("Vary", "Origin");
    return headers;
  }

  void listen() {
    http = std::make_unique<HttpServer>(
        options.http,
        HttpHandlers{
            .handle = [this](auto& request, auto& response) { router.handle(request, response); },
            .gate = [this](const auto& request,
                           auto& response) { return admit(request, response); },
            .refusal_body =
                [this](HttpRefusal refusal, const HttpRequest& request) {
                  return error_body(request, status_of(refusal),
                                    text_of(refusal, options.http).in(language_of(request)));
                },
            .headers_for = [this](const auto& request) { return headers_for(request); },
            .on_answer =
                [this](const auto& request, int status, auto time) {
                  metrics.count_answer(router.route_of(request), status, time);
                  if (options.log) options.log(request, status, time);
                }});
  }

  ApiServerOptions options;
  ServedModels models;
  tasks::SharedReader reader;
  PageTexts texts;
  ServedLibrary library;
  RemotePictures remote;
  LibraryIndexing indexing;
  Metrics metrics;
  ApiContext context;
  Router router;
  std::unique_ptr<HttpServer> http;  // last: it ends before what its handlers use
};

namespace {

void require_key_for_others(const ApiServerOptions& options) {
  if (is_loopback(options.http.address) || !options.access.api_key.empty()) return;
  throw Error(
      ErrorCode::kUsage,
      tr("--host {}: other machines could ask oko without a key",
         "--host {}: другие машины смогли бы обращаться к oko без ключа", options.http.address),
      tr("give one: --api-key KEY, or OKO_API_KEY", "задайте его: --api-key КЛЮЧ или OKO_API_KEY"));
}

}  // namespace

ApiServer::ApiServer(ApiServerOptions options) {
  require_key_for_others(options);
  parts_ = std::make_unique<Parts>(std::move(options));
  parts_->listen();
}

ApiServer::~ApiServer() = default;

std::uint16_t ApiServer::port() const {
  return parts_->http->port();
}

bool ApiServer::stop(std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  parts_->indexing.stop();
  return parts_->http->stop(patience) && parts_->indexing.wait_until(end);
}

}  // namespace oko::server
