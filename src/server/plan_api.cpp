#include <fmt/format.h>

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "budget/memory_budget.h"
#include "server/api.h"
#include "server/request_json.h"

namespace oko::server {
namespace {

Json json_of(const budget::TagBytes& bytes) {
  Json json = Json::object();
  for (std::size_t i = 0; i < budget::kTagCount; ++i) {
    const auto tag = static_cast<budget::Tag>(i);
    if (bytes[tag] > 0) json[std::string(name_of(tag)) + "_bytes"] = bytes[tag];
  }
  return json;
}

/// The memory of the server now, and what `oko plan --json` says of this machine.
void send_plan(const ApiContext& context, HttpResponse& response) {
  const budget::MemoryBudget& budget = context.models.host().memory_budget();
  const budget::TagBytes held = budget.held();
  Json models = Json::array();
  for (const ServedModel& model : context.models.loaded()) {
    models.push_back({{"name", model.name}, {"size_bytes", model.bytes}});
  }
  Json json{{"object", "plan"},
            {"budget_bytes", budget.budget_bytes()},
            {"held_bytes", held.total()},
            {"held", json_of(held)},
            {"requests_bytes", budget.transient_bytes()},
            {"peak_bytes", budget.peak_bytes()},
            {"loaded", std::move(models)},
            {"reads_text", context.reader.is_loaded()}};
  if (context.plan) json["plan"] = Json::parse(context.plan());
  response.send({}, dump(json));
}

void send_metrics(const ApiContext& context, HttpResponse& response) {
  std::string text = context.metrics.text();
  engine::ModelHost& host = context.models.host();
  const budget::MemoryBudget& budget = host.memory_budget();
  const auto add = [&](const char* name, const char* kind, const char* help, std::uint64_t value) {
    add_metric(text, name, kind, help, static_cast<double>(value));
  };
  add("oko_memory_budget_bytes", "gauge", "The memory budget.", budget.budget_bytes());
  add("oko_memory_peak_bytes", "gauge", "The most memory that was held.", budget.peak_bytes());
  text +=
      "# HELP oko_memory_held_bytes Memory held, by its purpose.\n"
      "# TYPE oko_memory_held_bytes gauge\n";
  const budget::TagBytes held = budget.held();
  for (std::size_t i = 0; i < budget::kTagCount; ++i) {
    const auto tag = static_cast<budget::Tag>(i);
    fmt::format_to(std::back_inserter(text), "oko_memory_held_bytes{{purpose=\"{}\"}} {}\n",
                   name_of(tag), held[tag]);
  }
  const TokenCounts& tokens = context.models.tokens();
  add("oko_prompt_tokens_total", "counter", "Tokens read.", tokens.prompt);
  add("oko_generated_tokens_total", "counter", "Tokens written.", tokens.generated);
  const budget::MemoryBudgetCounts counts = budget.counts();
  add("oko_memory_waits_total", "counter", "Requests that waited for memory.", counts.waited);
  add("oko_memory_refusals_total", "counter", "Requests over the budget.", counts.refused);
  add("oko_memory_evictions_total", "counter", "Evictions that freed memory.", counts.evicted);
  add("oko_model_loads_total", "counter", "Loads of models.", host.loads());
  add("oko_models_loaded", "gauge", "Models in memory.", context.models.loaded().size());
  response.send({.content_type = "text/plain; version=0.0.4; charset=utf-8"}, std::move(text));
}

}  // namespace

std::vector<Route> plan_routes(const ApiContext& context) {
  return {
      {"GET", "/v1/plan",
       [&context](const HttpRequest&, HttpResponse& response) { send_plan(context, response); }},
      {"GET", "/metrics", [&context](const HttpRequest&, HttpResponse& response) {
         send_metrics(context, response);
       }}};
}

}  // namespace oko::server
