#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/rounded.h"
#include "server/api.h"
#include "server/api_error.h"
#include "server/library_indexing.h"
#include "server/library_roots.h"
#include "server/request_json.h"

namespace oko::server {
namespace {

constexpr int kAccepted = 202;
constexpr int kConflict = 409;

const char* name_of(LibraryIndexing::State state) {
  switch (state) {
    case LibraryIndexing::State::kIdle:
      return "idle";
    case LibraryIndexing::State::kRunning:
      return "running";
    case LibraryIndexing::State::kStopping:
      return "stopping";
    case LibraryIndexing::State::kDone:
      return "done";
    case LibraryIndexing::State::kStopped:
      return "stopped";
    case LibraryIndexing::State::kFailed:
      return "failed";
  }
  return "";
}

const char* name_of(LibraryIndexing::Phase phase) {
  switch (phase) {
    case LibraryIndexing::Phase::kStarting:
      return "starting";
    case LibraryIndexing::Phase::kReading:
      return "reading";
    case LibraryIndexing::Phase::kDescribing:
      return "describing";
  }
  return "";
}

Json error_json(const Error& error, Language language) {
  Json json{{"code", oko::name_of(error.code())}, {"message", error.message().in(language)}};
  if (!error.hint().empty()) json["hint"] = error.hint().in(language);
  return json;
}

/// The figures that `oko index` prints.
Json json_of(const LibraryIndexing::Status& status, const ServedLibrary& library,
             Language language) {
  Json json{{"object", "library.index"}, {"state", name_of(status.state)}};
  if (status.state == LibraryIndexing::State::kIdle) return json;
  const bool describes = status.phase == LibraryIndexing::Phase::kDescribing;
  const tasks::IndexSummary& summary = status.summary;
  json.update({{"root", library.roots().at(status.request.root).id},
               {"caption", status.request.captions},
               {"phase", name_of(status.phase)},
               {"files_done", status.files.files_done},
               {"files", status.files.files},
               {"pictures_done", status.pictures.done},
               {"pictures", status.pictures.pictures},
               {"seconds", rounded(status.seconds, 1)},
               {"added", summary.added},
               {"updated", summary.updated},
               {"moved", summary.moved},
               {"removed", summary.removed},
               {"unchanged", summary.unchanged},
               {"failed", summary.failed},
               {"failed_before", summary.failed_before},
               {"captioned", summary.captioned},
               {"uncaptioned", summary.uncaptioned},
               {"failures", Json::array()}});
  const auto left = describes ? status.pictures.seconds_left : status.files.seconds_left;
  if (left && is_running(status.state)) json["left_seconds"] = rounded(*left, 1);
  for (const auto& [file, error] : status.failures) {
    json["failures"].push_back({{"file", file}, {"error", error_json(error, language)}});
  }
  if (status.error) json["error"] = error_json(*status.error, language);
  return json;
}

void send_status(const ApiContext& context, const HttpRequest& http, HttpResponse& response,
                 int status = 200) {
  response.send({.status = status},
                dump(json_of(context.indexing.status(), context.library, language_of(http))));
}

/// The place of a root, which is named by its number: no request can name a path.
std::size_t root_of(const RequestFields& fields, const ServedLibrary& library) {
  const std::vector<LibraryRoot>& roots = library.roots();
  if (roots.empty()) {
    throw Error(ErrorCode::kUsage,
                tr("no folder may be indexed from here", "отсюда нельзя индексировать папки"),
                tr("allow one: oko serve --root FOLDER; or run oko index FOLDER",
                   "разрешите: oko serve --root ПАПКА; или запустите oko index ПАПКА"));
  }
  const auto id = fields.integer("root", 1, std::numeric_limits<std::int32_t>::max());
  if (!id && roots.size() > 1) fields.need("root");
  if (!id) return 0;
  const auto root = std::find_if(roots.begin(), roots.end(),
                                 [&](const LibraryRoot& each) { return each.id == *id; });
  if (root == roots.end()) {
    refuse_value("root", tr("an id of roots in /v1/library", "id из roots в /v1/library"));
  }
  return static_cast<std::size_t>(root - roots.begin());
}

void start_indexing(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  const RequestJson body = parse_request(http.body);
  const RequestFields fields(body);
  const IndexingRequest request{.root = root_of(fields, context.library),
                                .captions = fields.flag("caption").value_or(false),
                                .retries_failed = fields.flag("retry").value_or(false),
                                .language = language_of(http)};
  try {
    if (context.indexing.start(request, response.stop())) {
      return send_status(context, http, response, kAccepted);
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBusy) throw;
    return send_error(http, response, kConflict, error.message());
  }
  const std::size_t root = context.indexing.status().request.root;
  send_error(http, response, kConflict,
             tr("{} is being indexed; one folder at a time", "{} индексируется; папки — по одной",
                context.library.roots().at(root).name));
}

void stop_indexing(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  context.indexing.stop();
  send_status(context, http, response);
}

}  // namespace

std::vector<Route> library_index_routes(const ApiContext& context) {
  return {
      {"POST", "/v1/library/index",
       [&context](const HttpRequest& http, HttpResponse& response) {
         start_indexing(context, http, response);
       }},
      {"GET", "/v1/library/index",
       [&context](const HttpRequest& http, HttpResponse& response) {
         send_status(context, http, response);
       }},
      {"DELETE", "/v1/library/index", [&context](const HttpRequest& http, HttpResponse& response) {
         stop_indexing(context, http, response);
       }}};
}

}  // namespace oko::server
