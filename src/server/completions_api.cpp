#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "server/api.h"
#include "server/api_error.h"
#include "server/chat_task.h"
#include "server/request_json.h"
#include "server/sampling_fields.h"

namespace oko::server {
namespace {

struct CompletionRequest {
  ChatTask task;
  bool is_streamed = false;
  bool includes_usage = false;
};

std::string prompt_of(const RequestJson& prompt) {
  const bool is_list = prompt.is_array() && prompt.size() == 1 && prompt[0].is_string();
  if (is_list) return prompt[0].get<std::string>();
  if (!prompt.is_string()) {
    refuse_value("prompt", tr("a string, or a list of one", "строка или список из одной"));
  }
  return prompt.get<std::string>();
}

CompletionRequest parse_completion(const HttpRequest& http) {
  const RequestJson body = parse_request(http.body);
  const RequestFields fields(body);
  for (const char* name : {"suffix", "echo", "logprobs", "logit_bias"}) {
    const RequestJson* value = fields.find(name);
    if (value != nullptr && *value != false && *value != "" && !value->empty()) refuse_field(name);
  }
  for (const char* name : {"n", "best_of"}) {
    if (fields.integer(name, 1, 128).value_or(1) != 1) refuse_field(name);
  }
  CompletionRequest request;
  ChatTask& task = request.task;
  task.model = fields.text("model").value_or("");
  add_message({text::Role::kUser, {text::Part::make_text(prompt_of(fields.need("prompt")))}}, task);
  task.max_tokens = read_limit(fields, "max_tokens").value_or(task.max_tokens);
  read_sampling(fields, task);
  request.is_streamed = fields.flag("stream").value_or(false);
  if (const RequestJson* options = fields.find("stream_options")) {
    request.includes_usage =
        RequestFields(*options, "stream_options").flag("include_usage").value_or(false);
  }
  return request;
}

/// An object with a piece of the text.
Json completion_of(const HttpRequest& http, std::int64_t created, const std::string& model,
                   std::string_view text, const Json& finish_reason) {
  return {
      {"id", "cmpl-" + http.id},
      {"object", "text_completion"},
      {"created", created},
      {"model", model},
      {"choices",
       {{{"index", 0}, {"text", text}, {"logprobs", nullptr}, {"finish_reason", finish_reason}}}}};
}

const char* completion_end(const engine::GenerationResult& result) {
  return result.finish_reason == engine::FinishReason::kLength ? "length" : "stop";
}

Json completion_usage(const engine::GenerationStats& stats) {
  return {{"prompt_tokens", stats.prompt_tokens},
          {"completion_tokens", stats.generated_tokens},
          {"total_tokens", stats.prompt_tokens + stats.generated_tokens}};
}

void complete(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  CompletionRequest request = parse_completion(http);
  const std::int64_t created = std::time(nullptr);
  if (!request.is_streamed) {
    const ChatAnswer answer = run_chat(context, std::move(request.task), response.stop());
    Json object = completion_of(http, created, answer.model.name, answer.result.text,
                                completion_end(answer.result));
    object["usage"] = completion_usage(answer.result.stats);
    response.send({}, dump(object));
    return;
  }
  std::string name;
  const auto send = [&](const Json& object) { response.write("data: " + dump(object) + "\n\n"); };
  const auto begin = [&](const ServedModel& model) {
    name = model.name;
    response.begin({.content_type = "text/event-stream; charset=utf-8",
                    .headers = {{"Cache-Control", "no-cache"}}});
  };
  const auto on_text = [&](std::string_view text) {
    send(completion_of(http, created, name, text, nullptr));
  };
  try {
    const ChatAnswer answer =
        run_chat(context, std::move(request.task), response.stop(), begin, on_text);
    Json end = completion_of(http, created, name, "", completion_end(answer.result));
    send(end);
    if (request.includes_usage) {
      end["choices"] = Json::array();
      end["usage"] = completion_usage(answer.result.stats);
      send(end);
    }
    response.write("data: [DONE]\n\n");
  } catch (const Error& error) {
    if (!response.has_begun() || error.code() == ErrorCode::kCancelled) throw;
    response.write("data: " + error_body(http, error) + "\n\n");
  }
  response.end();
}

}  // namespace

std::vector<Route> completion_routes(const ApiContext& context) {
  return {{"POST", "/v1/completions", [&context](const HttpRequest& http, HttpResponse& response) {
             complete(context, http, response);
           }}};
}

}  // namespace oko::server
