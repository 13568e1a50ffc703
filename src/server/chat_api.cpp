#include <fmt/format.h>

#include <ctime>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "server/api.h"
#include "server/api_error.h"
#include "server/chat_request.h"
#include "server/request_json.h"
#include "server/tool_fields.h"

namespace oko::server {
namespace {

/// OpenAI knows no end by a loop, which is the model's, not the client's.
const char* finish_reason_of(const engine::GenerationResult& result) {
  const bool has_ended = result.finish_reason == engine::FinishReason::kStop;
  if (has_ended && !result.calls.empty()) return "tool_calls";
  return result.finish_reason == engine::FinishReason::kLength ? "length" : "stop";
}

Json usage_of(const engine::GenerationStats& stats) {
  return {{"prompt_tokens", stats.prompt_tokens},
          {"completion_tokens", stats.generated_tokens},
          {"total_tokens", stats.prompt_tokens + stats.generated_tokens},
          {"prompt_tokens_details", {{"cached_tokens", stats.cached_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", stats.thought_tokens}}}};
}

/// What every object of an answer begins with.
Json object_of(const HttpRequest& http, const char* kind, std::int64_t created,
               const std::string& model) {
  return {{"id", "chatcmpl-" + http.id}, {"object", kind}, {"created", created}, {"model", model}};
}

Json token_json(const engine::TokenLogprob& token) {
  Json bytes = Json::array();
  for (const char byte : token.bytes) bytes.push_back(static_cast<unsigned char>(byte));
  return {{"token", token.bytes}, {"logprob", token.logprob}, {"bytes", std::move(bytes)}};
}

/// Null: nobody asked for them.
Json logprobs_json(std::span<const engine::TokenLogprobs> tokens, bool are_asked) {
  if (!are_asked) return nullptr;
  Json content = Json::array();
  for (const engine::TokenLogprobs& token : tokens) {
    Json object = token_json(token.chosen);
    object["top_logprobs"] = Json::array();
    for (const engine::TokenLogprob& other : token.top) {
      object["top_logprobs"].push_back(token_json(other));
    }
    content.push_back(std::move(object));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

std::string id_of_call(const HttpRequest& http, std::size_t choice, std::size_t call) {
  return fmt::format("call_{}_{}_{}", http.id, choice, call);
}

Json message_json(const HttpRequest& http, std::size_t choice,
                  const engine::GenerationResult& result) {
  Json message{{"role", "assistant"}, {"content", result.text}};
  // Not OpenAI's, whose thoughts stay with it, but that of DeepSeek and of local servers.
  if (!result.thoughts.empty()) message["reasoning_content"] = result.thoughts;
  Json calls = Json::array();
  for (const std::string& text : result.calls) {
    const text::ToolCall call = CallReader::read(text);
    if (call.name.empty()) continue;  // cut before its name
    calls.push_back({{"id", id_of_call(http, choice, calls.size())},
                     {"type", "function"},
                     {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  }
  if (calls.empty()) return message;
  if (result.text.empty()) message["content"] = nullptr;
  message["tool_calls"] = std::move(calls);
  return message;
}

void send_whole(const ApiContext& context, const HttpRequest& http, ChatRequest request,
                HttpResponse& response) {
  const std::int64_t created = std::time(nullptr);
  const bool has_logprobs = request.task.sampling.top_logprobs >= 0;
  const ChatChoices answer =
      run_choices(context, std::move(request.task), request.choices, response.stop());
  Json object = object_of(http, "chat.completion", created, answer.model.name);
  Json choices = Json::array();
  for (const engine::GenerationResult& result : answer.results) {
    choices.push_back({{"index", choices.size()},
                       {"message", message_json(http, choices.size(), result)},
                       {"logprobs", logprobs_json(result.logprobs, has_logprobs)},
                       {"finish_reason", finish_reason_of(result)}});
    add_boxes(answer.pictures, result.text, choices.back());
    add_notes(language_of(http), answer.notes, choices.back());
  }
  object["choices"] = std::move(choices);
  object["usage"] = usage_of(answer.stats());
  response.send({}, dump(object));
}

/// Server-sent events (WHATWG HTML, "Server-sent events"), as OpenAI's clients read them.
class ChatEvents {
 public:
  ChatEvents(const HttpRequest& http, const ChatRequest& request, HttpResponse& response)
      : http_(http),
        choices_(static_cast<std::size_t>(request.choices)),
        calls_(choices_),
        has_logprobs_(request.task.sampling.top_logprobs >= 0),
        response_(response) {}

  void begin(const ServedModel& model) {
    object_ = object_of(http_, "chat.completion.chunk", created_, model.name);
    response_.begin({.content_type = "text/event-stream; charset=utf-8",
                     .headers = {{"Cache-Control", "no-cache"}}});
    for (std::size_t i = 0; i < choices_; ++i) {
      send(i, {{"role", "assistant"}, {"content", ""}}, {});
    }
  }

  void send(const ChatPiece& piece) {
    if (!piece.thoughts.empty()) {
      send(piece.choice, {{"reasoning_content", piece.thoughts}}, {});
    }
    if (!piece.text.empty() || !piece.logprobs.empty()) {
      send(piece.choice, {{"content", piece.text}}, piece.logprobs);
    }
    for (const engine::CallPiece& call : piece.calls) send_call(piece.choice, call);
  }

  void end(const ChatChoices& answer, bool includes_usage) {
    for (std::size_t i = 0; i < choices_; ++i) {
      Json last{{"index", i},
                {"delta", Json::object()},
                {"finish_reason", finish_reason_of(answer.results[i])}};
      add_boxes(answer.pictures, answer.results[i].text, last);
      add_notes(language_of(http_), answer.notes, last);
      send(std::move(last));
    }
    if (includes_usage) {
      object_["choices"] = Json::array();
      object_["usage"] = usage_of(answer.stats());
      write(dump(object_));
    }
    write("[DONE]");
  }

  void write(const std::string& data) { response_.write("data: " + data + "\n\n"); }

 private:
  void send_call(std::size_t choice, const engine::CallPiece& piece) {
    std::vector<CallReader>& readers = calls_[choice];
    if (readers.size() <= piece.call) readers.resize(piece.call + 1);
    const CallReader::Piece part = readers[piece.call].push(piece.text);
    Json call{{"index", piece.call}};
    if (!part.name.empty()) {
      call["id"] = id_of_call(http_, choice, piece.call);
      call["type"] = "function";
      call["function"] = {{"name", part.name}, {"arguments", part.arguments}};
    } else if (!part.arguments.empty()) {
      call["function"] = {{"arguments", part.arguments}};
    } else {
      return;
    }
    send(choice, {{"tool_calls", Json::array({std::move(call)})}}, {});
  }

  void send(std::size_t choice, const Json& delta,
            std::span<const engine::TokenLogprobs> logprobs) {
    Json object{{"index", choice}, {"delta", delta}};
    if (!logprobs.empty()) object["logprobs"] = logprobs_json(logprobs, has_logprobs_);
    object["finish_reason"] = nullptr;
    send(std::move(object));
  }

  void send(Json object) {
    object_["choices"] = Json::array({std::move(object)});
    write(dump(object_));
  }

  const HttpRequest& http_;
  std::size_t choices_;
  std::vector<std::vector<CallReader>> calls_;  ///< of each choice
  bool has_logprobs_;
  HttpResponse& response_;
  std::int64_t created_ = std::time(nullptr);
  Json object_;
};

void send_streamed(const ApiContext& context, const HttpRequest& http, ChatRequest request,
                   HttpResponse& response) {
  ChatEvents events(http, request, response);
  try {
    const ChatChoices answer = run_choices(
        context, std::move(request.task), request.choices, response.stop(),
        [&](const ServedModel& model) { events.begin(model); },
        [&](const ChatPiece& piece) { events.send(piece); });
    events.end(answer, request.includes_usage);
  } catch (const Error& error) {
    if (!response.has_begun() || error.code() == ErrorCode::kCancelled) throw;
    events.write(error_body(http, error));
  }
  response.end();
}

}  // namespace

std::vector<Route> chat_routes(const ApiContext& context) {
  return {
      {"POST", "/v1/chat/completions", [&context](const HttpRequest& http, HttpResponse& response) {
         ChatRequest request = parse_chat(http);
         context.remote.fetch(request.task, response.stop());
         const auto send = request.is_streamed ? send_streamed : send_whole;
         send(context, http, std::move(request), response);
       }}};
}

}  // namespace oko::server
