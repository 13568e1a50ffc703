#include "server/api.h"
#include "server/request_json.h"

namespace oko::server {
namespace {

Json model_json(const ServedModel& model) {
  return {{"id", model.name},
          {"object", "model"},
          {"created", model.modified},
          {"owned_by", "oko"},
          {"capabilities", model.kind == ModelKind::kEmbedding
                               ? Json::array({"embedding"})
                               : Json::array({"completion", "vision"})}};
}

void list_models(const ApiContext& context, HttpResponse& response) {
  Json models = Json::array();
  for (const ServedModel& model : context.models.list()) models.push_back(model_json(model));
  Json none = Json::array();  // Codex reads its own descriptions of models, and knows others
  response.send(
      {}, dump({{"object", "list"}, {"data", std::move(models)}, {"models", std::move(none)}}));
}

}  // namespace

std::string health_body(const ApiContext& context) {
  return dump({{"status", "ok"}, {"version", context.version}});
}

std::vector<Route> model_routes(const ApiContext& context) {
  constexpr std::string_view kModel = "/v1/models/";
  return {
      {"GET", "/health",
       [&context](const HttpRequest&, HttpResponse& response) {
         response.send({}, health_body(context));
       }},
      {"GET", "/v1/models",
       [&context](const HttpRequest&, HttpResponse& response) { list_models(context, response); }},
      {"GET", "/v1/models/{id}",
       [&context, kModel](const HttpRequest& request, HttpResponse& response) {
         const std::string name = request.path.substr(kModel.size());
         response.send({}, dump(model_json(context.models.find(name))));
       }}};
}

}  // namespace oko::server
