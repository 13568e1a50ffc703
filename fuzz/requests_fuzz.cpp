// Any bytes as a request to the handlers of all protocols, without models: an answer below 500. The
// first line is the target, the second the type of the body, and the rest is the body.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "engine/model_host.h"
#include "server/api.h"
#include "server/library_indexing.h"
#include "server/multipart.h"
#include "server/remote_pictures.h"
#include "server/url.h"

namespace {

using namespace oko::server;

/// Keeps the status of an answer.
class AnswerStatus final : public HttpResponse {
 public:
  void send(const HttpHead& head, std::string /*body*/) override { begin(head); }
  void begin(const HttpHead& head) override { status_ = head.status; }
  void write(std::string_view /*piece*/) override {}
  void end() override {}
  bool has_begun() const override { return false; }
  oko::StopToken stop() const override { return {}; }
  int status() const { return status_; }

 private:
  int status_ = 0;
};

/// All that handlers need, where nothing is: no models, no library.
struct Handlers {
  std::shared_ptr<oko::engine::ModelHost> host =
      std::make_shared<oko::engine::ModelHost>(oko::engine::HostOptions{.threads = 1});
  ServedModels models{{.host = host, .models = {}, .align = [](const auto&) {}}};
  oko::tasks::SharedReader reader{*host};
  ServedLibrary library{{.name = "none",
                         .file = "/nowhere/library.db",
                         .open = []() -> std::unique_ptr<oko::index::Store> {
                           throw oko::Error(oko::ErrorCode::kNotFound, oko::LocalizedText("none"));
                         }}};
  PageTexts texts;
  RemotePictures remote{std::nullopt};
  LibraryIndexing indexing{library, models, reader};
  Metrics metrics;
  ApiContext context{.models = models,
                     .reader = reader,
                     .texts = texts,
                     .read_text = oko::tasks::ReadText::kNever,
                     .library = library,
                     .remote = remote,
                     .indexing = indexing,
                     .metrics = metrics,
                     .plan = [] { return std::string("{}"); },
                     .version = "fuzz"};
  Router router = api_router(context);
};

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool is_set =
      ::setenv("OKO_HOME", "/nowhere", 1) == 0 && ::setenv("HF_HOME", "/nowhere", 1) == 0;
  static const Handlers handlers;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  auto target = parse_target(take_line(rest));
  const std::string type(take_line(rest));
  if (!is_set || !target) return 0;
  if (is_multipart(type)) {
    try {
      for (const FormPart& part : parse_multipart(type, rest)) {
        if (part.content.data() < rest.data() ||
            part.content.data() + part.content.size() > rest.data() + rest.size()) {
          std::abort();
        }
      }
    } catch (const oko::Error&) {
    }
  }
  HttpRequest request{.method = "POST",
                      .path = std::move(target->path),
                      .query = std::move(target->query),
                      .headers = {{"content-type", type}},
                      .body = std::string(rest),
                      .id = "req_1"};
  if (handlers.router.refusal_of(request) == 405) request.method = "GET";
  AnswerStatus answer;
  handlers.router.handle(request, answer);
  if (answer.status() < 200 || answer.status() >= 500) std::abort();
  return 0;
}
