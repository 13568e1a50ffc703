#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/http_message.h"
#include "server/library_indexing.h"
#include "server/metrics.h"
#include "server/page_texts.h"
#include "server/remote_pictures.h"
#include "server/served_library.h"
#include "server/served_models.h"
#include "tasks/picture.h"
#include "tasks/shared_reader.h"

namespace oko::server {

/// What the handlers of all protocols use. Any thread.
struct ApiContext {
  ServedModels& models;
  tasks::SharedReader& reader;  ///< of text in pictures
  PageTexts& texts;             ///< that it has read for answers
  tasks::ReadText read_text;    ///< of pictures in requests that do not say
  ServedLibrary& library;
  RemotePictures& remote;
  LibraryIndexing& indexing;
  Metrics& metrics;
  std::function<std::string()> plan;  ///< as ApiServerOptions has it
  std::string version;                ///< of oko
};

/// Answers one request; an Error becomes the answer of its protocol.
using ApiHandler = std::function<void(const HttpRequest&, HttpResponse&)>;

struct Route {
  std::string_view method;
  std::string_view path;
  ApiHandler handle;
};

/// The table of what is served.
class Router {
 public:
  void add(std::vector<Route> routes);

  /// Calls the handler of a request, and turns its errors into answers: 404 for a path that is not
  /// in the table, 405 for another method.
  void handle(const HttpRequest& request, HttpResponse& response) const;

  /// 404 or 405, before the body is read; 0: there is a handler.
  int refusal_of(const HttpRequest& request) const;

  /// Of a path in the table, for the header Allow (RFC 9110, 10.2.1).
  std::string methods_of(std::string_view path) const;

  /// The path in the table that a request asks for; "other" for none.
  std::string_view route_of(const HttpRequest& request) const;

 private:
  std::vector<Route> routes_;
};

/// All that oko serves by itself. `context` outlives it.
Router api_router(const ApiContext& context);

/// The answer to /health.
std::string health_body(const ApiContext& context);

/// GET /v1/models and /v1/models/{id} (OpenAI's "Models").
std::vector<Route> model_routes(const ApiContext& context);

/// As Embedder::embed; errors name the model, not its folder. Throws kUsage for an output that the
/// model does not have.
engine::EmbeddingResult embed_texts(engine::Embedder& embedder, const ServedModel& model,
                                    const engine::EmbeddingRequest& request, const StopToken& stop);

/// An error of an embedder for a client: names the model, not its folder. For an output that the
/// model does not have it is kUsage, and tells of no tensors.
Error named_error(const Error& error, const ServedModel& model);

/// POST /v1/embeddings (OpenAI's "Embeddings"), with "outputs" for BGE-M3's other two vectors.
std::vector<Route> embedding_routes(const ApiContext& context);

/// POST /v1/rerank: texts by their nearness to a query (Jina's and Cohere's "Rerank").
std::vector<Route> rerank_routes(const ApiContext& context);

/// POST /v1/chat/completions (OpenAI's "Chat Completions"), with pictures and PDF as data URIs.
std::vector<Route> chat_routes(const ApiContext& context);

/// POST /v1/ocr: text with boxes of a picture or PDF, which comes as a form or in base64. POST
/// /upload: the same as iOS-OCR-Server has it.
std::vector<Route> ocr_routes(const ApiContext& context);

/// POST /v1/search and /v1/library: what the library has, its documents and their pages.
std::vector<Route> library_routes(const ApiContext& context);

/// POST, GET and DELETE /v1/library/index: brings the library up to date with a folder.
std::vector<Route> library_index_routes(const ApiContext& context);

/// GET /v1/plan and /metrics: the memory, what is loaded, and counts.
std::vector<Route> plan_routes(const ApiContext& context);

/// POST /v1/completions (OpenAI's "Completions"): the prompt as a user's message.
std::vector<Route> completion_routes(const ApiContext& context);

/// GET /openapi.json: what is served (OpenAPI 3.1).
std::vector<Route> openapi_routes();

/// POST /v1/responses (OpenAI's "Responses"), as far as Codex needs it.
std::vector<Route> responses_routes(const ApiContext& context);

/// POST /v1/messages and /v1/messages/count_tokens (Anthropic's "Messages").
std::vector<Route> anthropic_routes(const ApiContext& context);

/// What Ollama's clients ask for besides /: /api/version, tags, ps, show, chat, generate, embed,
/// embeddings.
std::vector<Route> ollama_routes(const ApiContext& context);

}  // namespace oko::server
