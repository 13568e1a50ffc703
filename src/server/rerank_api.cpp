#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "server/api.h"
#include "server/request_json.h"
#include "tasks/rerank.h"

// As Jina's and Cohere's API references have it ("Rerank").
namespace oko::server {
namespace {

struct RerankRequest {
  std::string model;
  std::string query;
  std::vector<std::string> texts;
  std::size_t top = 0;
  bool returns_texts = false;
};

/// Strings, or objects with "text".
std::vector<std::string> documents_of(const RequestJson& json) {
  return texts_of_list(json, "documents", tr("a list of texts", "список текстов"),
                       [](const RequestJson& each, const std::string& name) {
                         return each.is_string() ? each.get<std::string>()
                                                 : RequestFields(each, name).need_text("text");
                       });
}

RerankRequest parse_rerank(const HttpRequest& http) {
  const RequestJson body = parse_request(http.body);
  const RequestFields fields(body);
  RerankRequest request;
  request.model = fields.text("model").value_or("");
  request.query = fields.need_text("query");
  request.texts = documents_of(fields.need("documents"));
  const auto top = fields.integer("top_n", 1, INT32_MAX);
  request.top = std::min(request.texts.size(), static_cast<std::size_t>(top.value_or(INT32_MAX)));
  request.returns_texts = fields.flag("return_documents").value_or(false);
  return request;
}

void rerank_texts(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  const RerankRequest request = parse_rerank(http);
  ServedModel model;
  const auto embedder =
      context.models.embedder(request.model, model, {.dense = false, .colbert = true});
  tasks::RerankResult ranked;
  try {
    ranked = tasks::rerank(*embedder, request.query, request.texts, response.stop());
  } catch (const Error& error) {
    throw named_error(error, model);
  }
  context.models.tokens().prompt += ranked.tokens;
  std::vector<std::size_t> order(ranked.scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return ranked.scores[a] > ranked.scores[b];
  });
  order.resize(request.top);
  Json results = Json::array();
  for (const std::size_t i : order) {
    results.push_back({{"index", i}, {"relevance_score", ranked.scores[i]}});
    if (request.returns_texts) results.back()["document"] = {{"text", request.texts[i]}};
  }
  response.send(
      {}, dump({{"object", "list"},
                {"id", http.id},
                {"model", model.name},
                {"results", std::move(results)},
                {"usage", {{"prompt_tokens", ranked.tokens}, {"total_tokens", ranked.tokens}}}}));
}

}  // namespace

std::vector<Route> rerank_routes(const ApiContext& context) {
  return {{"POST", "/v1/rerank", [&context](const HttpRequest& http, HttpResponse& response) {
             rerank_texts(context, http, response);
           }}};
}

}  // namespace oko::server
