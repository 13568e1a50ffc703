#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/comma_list.h"
#include "base/error.h"
#include "image/jpeg.h"
#include "index/filter_text.h"
#include "index/search_mode.h"
#include "server/api.h"
#include "server/api_error.h"
#include "server/request_json.h"
#include "server/search_json.h"
#include "tasks/match_picture.h"
#include "tasks/search_library.h"

namespace oko::server {
namespace {

constexpr std::string_view kDocuments = "/v1/library/documents/";
constexpr std::int64_t kMostHits = 200;
constexpr std::int64_t kMostDocuments = 1000;         ///< of one answer
constexpr std::int64_t kMostSide = 2000;              ///< pixels of a picture
constexpr std::uint64_t kPictureBytes = 100'000'000;  ///< to decode a page for a picture
constexpr int kJpegQuality = 85;

/// Fields of the query of an address as those of JSON: numbers and flags are read.
RequestJson json_of_query(const HttpFields& query) {
  RequestJson object = RequestJson::object();
  for (const auto& [name, text] : query) {
    const RequestJson value = RequestJson::parse(text, nullptr, false);
    const bool is_text = name == "kinds" || name == "in" || name == "from" || name == "to";
    const bool is_value = !is_text && (value.is_number() || value.is_boolean());
    object[name] = is_value ? value : RequestJson(text);
  }
  return object;
}

/// "picture,pdf", or a list of them.
std::vector<index::DocumentKind> kinds_of(const RequestJson& value) {
  constexpr std::size_t kMost = 16;  // some of them again
  const auto expected = tr("a list of picture, pdf and text", "список из picture, pdf, text");
  std::vector<std::string> names;
  if (value.is_string()) {
    names = parts_at_commas(value.get_ref<const std::string&>(), kMost);
    if (names.size() > kMost) refuse_value("kinds", expected);
  } else if (value.is_array()) {
    for (const RequestJson& name : value) {
      if (!name.is_string()) refuse_value("kinds", expected);
      names.push_back(name.get<std::string>());
    }
  } else {
    refuse_value("kinds", expected);
  }
  std::vector<index::DocumentKind> kinds;
  for (const std::string& name : names) {
    using index::DocumentKind;
    const auto all = {DocumentKind::kPicture, DocumentKind::kPdf, DocumentKind::kText};
    const auto* kind = std::find_if(all.begin(), all.end(),
                                    [&](auto each) { return name == index::name_of(each); });
    if (kind == all.end()) refuse_value("kinds", expected);
    kinds.push_back(*kind);
  }
  return kinds;
}

/// Which documents are meant. Nothing of it is opened: it is compared with the library's paths.
index::Filter filter_of(const RequestFields& fields) {
  index::Filter filter;
  if (const RequestJson* kinds = fields.find("kinds")) filter.kinds = kinds_of(*kinds);
  filter.path = fields.text("in").value_or("");
  const bool is_name = filter.path.find('/') == std::string::npos;
  if (!filter.path.empty() && is_name && !filter.path.starts_with('*')) {
    filter.path = "*/" + filter.path;
  }
  if (const auto from = fields.text("from")) {
    filter.from_date = index::second_of(*from, std::string("from"), false);
  }
  if (const auto to = fields.text("to")) {
    filter.to_date = index::second_of(*to, std::string("to"), true);
  }
  if (filter.from_date && filter.to_date && *filter.from_date > *filter.to_date) {
    throw FieldError("from", tr("from {} is later than to {}: no file is of such a date",
                                "from {} позже, чем to {}: файлов с такой датой не бывает",
                                fields.need_text("from"), fields.need_text("to")));
  }
  return filter;
}

index::SearchOptions options_of(const RequestFields& fields) {
  index::SearchOptions options;
  if (const auto mode = fields.text("mode")) {
    options.mode = index::mode_of(*mode);
    if (*mode != index::mode_name(options.mode)) {
      refuse_value("mode", tr("hybrid, dense, sparse, colbert or text",
                              "hybrid, dense, sparse, colbert или text"));
    }
  }
  if (const auto passages = fields.text("passages")) {
    if (*passages != "short" && *passages != "long") {
      refuse_value("passages", tr("short or long", "short или long"));
    }
    if (*passages == "long") options.weights = index::kLongPassages;
  }
  options.top = static_cast<std::size_t>(fields.integer("limit", 1, kMostHits).value_or(10));
  options.filter = filter_of(fields);
  return options;
}

/// A snippet as it is shown, in parts of which some are marked.
Json parts_of(const index::Snippet& snippet) {
  Json parts = Json::array();
  std::size_t at = 0;
  const auto add = [&](std::size_t end, bool is_marked) {
    if (end > at) {
      parts.push_back({{"text", snippet.text.substr(at, end - at)}, {"marked", is_marked}});
    }
    at = end;
  };
  for (const auto& [begin, end] : snippet.marks) {
    add(begin, false);
    add(end, true);
  }
  add(snippet.text.size(), false);
  return parts;
}

void search(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  const RequestJson body = parse_request(http.body);
  const RequestFields fields(body);
  const std::string& query = fields.need_text("query");
  const index::SearchOptions options = options_of(fields);
  const bool explain = fields.flag("explain").value_or(false);
  ServedLibrary::Lease store(context.library, response.stop());
  ServedModel model;
  std::shared_ptr<engine::Embedder> embedder;
  if (options.mode != index::SearchMode::kText) {
    embedder = context.models.embedder_of_library(store->model(), model);
  }
  std::vector<tasks::FoundPassage> found;
  try {
    found = tasks::search_library(*store, embedder.get(), query, options, response.stop());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUsage) store.give_up();
    if (embedder == nullptr) throw;
    throw named_error(error, model);
  }
  Json results = Json::array();
  for (const tasks::FoundPassage& each : found) {
    Json passage = passage_json(results.size() + 1, each, explain);
    passage["document"] = each.hit.chunk.document;
    passage["snippet_parts"] = parts_of(each.snippet);
    results.push_back(std::move(passage));
  }
  response.send({}, dump({{"object", "search"},
                          {"id", http.id},
                          {"query", query},
                          {"mode", index::mode_name(options.mode)},
                          {"results", std::move(results)}}));
}

std::string utc_text(std::int64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

Json json_of(const index::KnownDocument& known) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  const index::Document& document = known.document;
  Json json{{"id", known.id},
            {"file", document.path},
            {"kind", index::name_of(document.kind)},
            {"size_bytes", document.size_bytes},
            {"modified", utc_text(document.modified_ns / kNanoseconds)},
            {"date", utc_text(document.date)}};
  if (!document.title.empty()) json["title"] = document.title;
  if (document.pages > 0) json["pages"] = document.pages;
  if (!document.error.empty()) json["error"] = document.error;
  return json;
}

/// What is served, and how much of it there is.
void describe_library(const ApiContext& context, const HttpRequest& /*http*/,
                      HttpResponse& response) {
  Json json{{"object", "library"}, {"file", context.library.name()}, {"exists", false}};
  try {
    const ServedLibrary::Lease store(context.library, response.stop());
    const index::LibraryCounts counts = store->counts();
    const index::LibraryModel& model = store->model();
    json["exists"] = true;
    json["documents"] = counts.documents;
    json["failed_documents"] = counts.failed_documents;
    json["passages"] = counts.chunks;
    json["size_bytes"] = counts.bytes;
    json["model"] = {{"name", model.name},
                     {"dimensions", model.dimensions},
                     {"sparse", model.has_sparse},
                     {"colbert", model.colbert_dimensions > 0}};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;  // nothing is indexed yet
  }
  json["roots"] = Json::array();
  for (const LibraryRoot& root : context.library.roots()) {
    json["roots"].push_back(
        {{"id", root.id}, {"name", root.name}, {"folder", root.folder.string()}});
  }
  response.send({}, dump(json));
}

void list_documents(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  const RequestJson query = json_of_query(http.query);
  const RequestFields fields(query);
  const index::Filter filter = filter_of(fields);
  const std::int64_t offset = fields.integer("offset", 0, INT32_MAX).value_or(0);
  const std::int64_t limit = fields.integer("limit", 1, kMostDocuments).value_or(100);
  const std::optional<bool> failed = fields.flag("failed");
  const ServedLibrary::Lease store(context.library, response.stop());
  Json documents = Json::array();
  std::int64_t total = 0;
  store->visit_documents([&](const index::KnownDocument& known) {
    const bool is_meant =
        (!failed || *failed == !known.document.error.empty()) && matches(filter, known.document);
    if (!is_meant) return;
    if (total >= offset && total < offset + limit) documents.push_back(json_of(known));
    ++total;
  });
  response.send({}, dump({{"object", "list"},
                          {"data", std::move(documents)},
                          {"total", total},
                          {"offset", offset}}));
}

/// The document of "/v1/library/documents/12/picture", and "picture".
index::KnownDocument document_of(index::Store& store, const std::string& path, std::string& what) {
  const std::string_view rest = std::string_view(path).substr(kDocuments.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  what = rest.substr(std::min(slash + 1, rest.size()));
  const std::string number(rest.substr(0, slash));
  const char* const number_end = number.data() + number.size();
  index::DocumentId id = 0;
  const auto end = std::from_chars(number.data(), number_end, id);
  if (end.ec == std::errc() && end.ptr == number_end && id > 0) {
    auto found = store.documents(std::span(&id, 1));
    if (!found.empty()) return std::move(found.front());
  }
  throw Error(ErrorCode::kNotFound,
              tr("the library has no document {}", "в библиотеке нет документа {}", number));
}

void send_document(index::Store& store, const index::KnownDocument& known, HttpResponse& response) {
  Json json = json_of(known);
  for (const index::KnownDocument& copy : store.copies(known.id)) {
    json["copies"].push_back(copy.document.path);
  }
  json["passages"] = Json::array();
  for (const index::StoredChunk& stored : store.chunks_of(known.id)) {
    Json passage{{"text", stored.chunk.text}, {"origin", index::name_of(stored.chunk.origin)}};
    if (stored.chunk.page > 0) passage["page"] = stored.chunk.page;
    json["passages"].push_back(std::move(passage));
  }
  response.send({}, dump(json));
}

/// A page of a document that the library knows, as a JPEG file. The path is the library's.
void send_picture(const ApiContext& context, const index::KnownDocument& known,
                  const HttpRequest& http, HttpResponse& response) {
  const RequestJson query = json_of_query(http.query);
  const RequestFields fields(query);
  index::Chunk chunk;
  chunk.page = static_cast<int>(fields.integer("page", 1, INT32_MAX).value_or(1));
  const auto side = [&](const char* name) {
    return static_cast<int>(fields.integer(name, 16, kMostSide).value_or(320));
  };
  const auto decoder = context.models.decoder(response.stop());
  const tasks::MatchPictureOptions options{.max_width = side("width"),
                                           .max_height = side("height"),
                                           .memory_bytes = kPictureBytes,
                                           .decoder = decoder.get()};
  const index::Document& document = known.document;
  if (document.kind == index::DocumentKind::kText) {
    throw Error(ErrorCode::kNotFound,
                tr("a file of text has no picture", "у текстового файла нет картинки"));
  }
  const std::string tag = fmt::format("\"{}-{}-{}-{}x{}\"", known.id, document.modified_ns,
                                      chunk.page, options.max_width, options.max_height);
  HttpHead head{.content_type = "image/jpeg",
                .headers = {{"ETag", tag}, {"Cache-Control", "private, no-cache"}}};
  if (http.header("if-none-match") == tag) {
    head.status = 304;
    response.send(head, "");
    return;
  }
  budget::TagBytes bytes;
  bytes[budget::Tag::kImage] = kPictureBytes + (decoder ? decoder->bytes_elsewhere(0) : 0);
  const MutexLock one_at_a_time(context.library.pictures());
  const budget::Reservation memory = context.models.host().reserve(bytes, {}, response.stop());
  response.send(head,
                image::encode_jpeg(tasks::picture_of_match(document, chunk, std::nullopt, options),
                                   kJpegQuality));
}

void send_of_document(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  std::string what;
  index::KnownDocument known;
  {
    const ServedLibrary::Lease store(context.library, response.stop());
    known = document_of(*store, http.path, what);
    if (what.empty()) {
      send_document(*store, known, response);
      return;
    }
  }
  if (what != "picture") {
    throw Error(ErrorCode::kNotFound,
                tr("there is nothing at {}", "по адресу {} ничего нет", http.path));
  }
  send_picture(context, known, http, response);
}

}  // namespace

std::vector<Route> library_routes(const ApiContext& context) {
  const auto with_context = [&context](const auto& function) -> ApiHandler {
    return [&context, function](const HttpRequest& request, HttpResponse& response) {
      function(context, request, response);
    };
  };
  return {{"POST", "/v1/search", with_context(search)},
          {"GET", "/v1/library", with_context(describe_library)},
          {"GET", "/v1/library/documents", with_context(list_documents)},
          {"GET", "/v1/library/documents/{id}", with_context(send_of_document)}};
}

}  // namespace oko::server
