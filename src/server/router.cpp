#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "base/error.h"
#include "server/api.h"
#include "server/api_error.h"
#include "server/web_page.h"

namespace oko::server {
namespace {

/// "/v1/models/{id}" is one for all paths below.
bool has_path(const Route& route, std::string_view path) {
  const std::size_t brace = route.path.find('{');
  if (brace == std::string_view::npos) return route.path == path;
  return path.starts_with(route.path.substr(0, brace)) && path.size() > brace;
}

/// HEAD is GET without the body, which the exchange leaves out.
std::string_view method_of(const HttpRequest& request) {
  return request.method == "HEAD" ? "GET" : std::string_view(request.method);
}

/// After a part of the answer is sent, the connection's end is all that can tell of an error.
void fail(const HttpRequest& request, HttpResponse& response, const Error& error) {
  if (response.has_begun()) throw error;
  send_error(request, response, error);
}

}  // namespace

Router api_router(const ApiContext& context) {
  Router router;
  router.add(model_routes(context));
  router.add(embedding_routes(context));
  router.add(rerank_routes(context));
  router.add(chat_routes(context));
  router.add(completion_routes(context));
  router.add(responses_routes(context));
  router.add(openapi_routes());
  router.add(anthropic_routes(context));
  router.add(ocr_routes(context));
  router.add(library_routes(context));
  router.add(library_index_routes(context));
  router.add(plan_routes(context));
  router.add(ollama_routes(context));
  router.add(page_routes());
  return router;
}

void Router::add(std::vector<Route> routes) {
  routes_.insert(routes_.end(), std::make_move_iterator(routes.begin()),
                 std::make_move_iterator(routes.end()));
}

int Router::refusal_of(const HttpRequest& request) const {
  bool is_known = false;
  for (const Route& route : routes_) {
    if (!has_path(route, request.path)) continue;
    if (route.method == method_of(request)) return 0;
    is_known = true;
  }
  return is_known ? 405 : 404;
}

std::string Router::methods_of(std::string_view path) const {
  std::string methods;
  for (const Route& route : routes_) {
    if (!has_path(route, path) || methods.find(route.method) != std::string::npos) continue;
    if (!methods.empty()) methods += ", ";
    methods += route.method;
    if (route.method == "GET") methods += ", HEAD";
  }
  return methods;
}

std::string_view Router::route_of(const HttpRequest& request) const {
  for (const Route& route : routes_) {
    if (has_path(route, request.path)) return route.path;
  }
  return "other";
}

void Router::handle(const HttpRequest& request, HttpResponse& response) const {
  const int status = refusal_of(request);
  if (status == 404) {
    send_error(request, response, status,
               tr("there is nothing at {}", "по адресу {} ничего нет", request.path));
    return;
  }
  if (status != 0) {
    const LocalizedText text =
        tr("{} does not take {}", "{} не принимает {}", request.path, request.method);
    response.send({.status = status, .headers = {{"Allow", methods_of(request.path)}}},
                  error_body(request, status, text.in(language_of(request))));
    return;
  }
  const auto route = std::find_if(routes_.begin(), routes_.end(), [&](const Route& each) {
    return each.method == method_of(request) && has_path(each, request.path);
  });
  try {
    route->handle(request, response);
  } catch (const Error& error) {
    fail(request, response, error);
  } catch (const std::bad_alloc&) {
    fail(request, response,
         Error(ErrorCode::kOverBudget, tr("no memory is left", "память кончилась")));
  } catch (const std::exception& error) {
    fail(request, response, Error(ErrorCode::kFailed, LocalizedText(std::string(error.what()))));
  }
}

}  // namespace oko::server
