#include "index/opensearch_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "index/library_failure.h"

namespace oko::index {
namespace {

using nlohmann::json;

constexpr const char* kJson = "application/json";
constexpr const char* kLines = "application/x-ndjson";
constexpr std::chrono::seconds kLongestAnswer{300};
constexpr std::chrono::seconds kLastAnswer{3};   ///< after a stop
constexpr std::chrono::milliseconds kStep{100};  ///< between looks for a stop
constexpr int kForbidden = 403;
constexpr int kFirstTries = 3;  ///< of an address that may be wrong

bool is_success(int status) {
  return status >= 200 && status < 300;
}

/// The words of an error; "" if the answer has none.
std::string word_of(const json& body, const char* key) {
  const auto error = body.is_object() ? body.find("error") : body.end();
  if (!body.is_object() || error == body.end() || !error->is_object()) return {};
  const auto found = error->find(key);
  return found != error->end() && found->is_string() ? found->get<std::string>() : "";
}

/// A disk that is nearly full makes OpenSearch block writes (403, or 429 of some versions).
bool is_blocked(const json& body) {
  return word_of(body, "type") == "cluster_block_exception";
}

bool is_busy(int status) {
  return status == 408 || status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

std::string text_of(const json& json) {
  return json.dump(-1, ' ', false, json::error_handler_t::replace);
}

OpenSearchClient::OpenSearchClient(OpenSearchAddress address, net::HttpOptions options,
                                   StopToken stop)
    : address_(std::move(address)), http_(std::move(options)), stop_(std::move(stop)) {}

OpenSearchClient::Reply OpenSearchClient::send(const std::string& method, const std::string& path,
                                               const std::string& body, int accepted) {
  return send_to(fmt::format("/{}{}", address_.index, path), method, body, kJson, accepted);
}

OpenSearchClient::Reply OpenSearchClient::send_to(const std::string& path_of_all,
                                                  const std::string& method,
                                                  const std::string& body, const std::string& type,
                                                  int accepted) {
  net::HttpOptions options = http_.options();
  if (!has_answered_) options.tries = std::min(options.tries, kFirstTries);
  net::Backoff backoff(options);
  std::size_t tried = 0;  // hosts since the last wait
  while (true) {
    std::string text;
    const auto add = [&](std::span<const std::byte> bytes) {
      text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return true;
    };
    http_.start(0,
                {.url = address_.hosts[host_] + path_of_all,
                 .method = method,
                 .body = body,
                 .type = type,
                 .user = address_.user,
                 .password = address_.password},
                {.on_body = add}, kLongestAnswer);
    const net::HttpResult result = this->result();
    const int status = result.complete ? result.head.status : 0;
    Reply reply{status, json::parse(text, nullptr, false)};
    has_answered_ = has_answered_ || is_success(status);
    if (is_success(status) || (status != 0 && status == accepted)) {
      if (!reply.body.is_discarded()) return reply;
      fail(status, reply.body);
    }
    const bool can_change = status == 0 ? result.is_transient : is_busy(status);
    if (can_change && !is_blocked(reply.body)) {
      host_ = (host_ + 1) % address_.hosts.size();
      if (++tried < address_.hosts.size()) continue;
      tried = 0;
      if (const auto delay = backoff.next(result.retry_after)) {
        net::report_retry(http_.options(), result);
        if (wait(*delay)) continue;
      }
    }
    if (status == 0) fail_unreachable(result);
    fail(status, reply.body);
  }
}

net::HttpResult OpenSearchClient::result() {
  std::optional<std::chrono::steady_clock::time_point> end;
  while (true) {
    if (auto ended = http_.wait(kStep, {})) return std::move(ended->result);
    if (!stop_.stop_requested()) continue;
    const auto now = std::chrono::steady_clock::now();
    if (!end) end = now + kLastAnswer;
    if (now < *end) continue;
    net::HttpResult none;
    none.failure = tr("no answer before the stop", "до остановки нет ответа");
    return none;
  }
}

bool OpenSearchClient::wait(std::chrono::milliseconds delay) const {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  ConditionVariable never;
  never.wait_for(lock, stop_, delay, [] { return false; });
  return !stop_.stop_requested();
}

json OpenSearchClient::search(const json& body, std::string_view parameters) {
  // A shard that does not answer is an error, not a shorter list.
  std::string path = "/_search?allow_partial_search_results=false";
  path += parameters;
  return send("POST", path, text_of(body)).body;
}

void OpenSearchClient::visit(const json& query, const std::string& field, std::size_t size,
                             const std::vector<std::string>& without,
                             const std::function<void(const json&)>& visit) {
  json body{{"size", size}, {"query", query}, {"sort", json::array({{{field, "asc"}}})}};
  if (!without.empty()) body["_source"]["excludes"] = without;
  while (true) {
    const json found = search(body);
    const json& hits = found.at("hits").at("hits");
    for (const json& hit : hits) visit(hit.at("_source"));
    if (hits.size() < size) return;
    body["search_after"] = hits.back().at("sort");
  }
}

int OpenSearchClient::data_nodes() {
  const Reply reply = send_to("/_cluster/health", "GET", {}, kJson, kForbidden);
  return reply.status == kForbidden ? 1 : reply.body.value("number_of_data_nodes", 1);
}

std::vector<std::string> OpenSearchClient::send_items(const std::vector<std::string>& items) {
  std::string body;
  for (const std::string& item : items) body += item;
  const Reply reply = send_to(fmt::format("/{}/_bulk", address_.index), "POST", body, kLines, 0);
  if (!reply.body.value("errors", true)) return {};
  std::vector<std::string> again;
  const json& results = reply.body.value("items", json::array());
  if (results.size() != items.size()) fail(reply.status, reply.body);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const json& result = results[i].front();
    const int status = result.value("status", 0);
    // What is to be deleted may be gone.
    if (is_success(status) || (status == 404 && !result.contains("error"))) continue;
    if (!is_busy(status) || is_blocked(result)) fail(status, result);
    again.push_back(items[i]);
  }
  return again;
}

void OpenSearchClient::bulk(const std::vector<std::string>& items) {
  net::Backoff backoff(http_.options());
  for (std::vector<std::string> left = items; !left.empty();) {
    left = send_items(left);
    if (left.empty()) return;
    const auto delay = backoff.next(std::nullopt);
    if (delay && http_.options().on_retry) {
      http_.options().on_retry(tr("it has too much to do", "он перегружен"));
    }
    if (!delay || !wait(*delay)) {
      throw Error(
          ErrorCode::kFailed,
          tr("{}: the cluster has too much to do", "{}: кластер перегружен", address_.shown()),
          tr("run the same command again later", "повторите ту же команду позже"));
    }
  }
}

void OpenSearchClient::refresh() {
  net::Backoff backoff(http_.options());
  while (true) {
    const Reply reply = send("POST", "/_refresh");
    const json shards = reply.body.value("_shards", json::object());
    if (shards.value("failed", 1) == 0 && shards.value("successful", 0) > 0) return;
    const auto delay = backoff.next(std::nullopt);
    if (!delay || !wait(*delay)) fail(reply.status, reply.body);
  }
}

void OpenSearchClient::fail_unreachable(const net::HttpResult& result) const {
  const LocalizedText usual =
      address_.hosts.size() > 1
          ? tr("none of the {} hosts answers: check that the cluster runs",
               "не отвечает ни один из {} серверов: проверьте, работает ли кластер",
               address_.hosts.size())
          : tr("check that OpenSearch runs at this address",
               "проверьте, работает ли OpenSearch по этому адресу");
  throw Error(ErrorCode::kFailed, format_text("{}: {}", address_.shown(), result.failure),
              result.hint.empty() ? usual : result.hint);
}

void OpenSearchClient::fail_foreign() const {
  throw Error(ErrorCode::kFailed,
              tr("{}: what answers is not OpenSearch, or of another version",
                 "{}: отвечает не OpenSearch или другая его версия", address_.shown()),
              tr("check the address; OpenSearch 2.19 with its k-NN plugin is needed",
                 "проверьте адрес; нужен OpenSearch 2.19 с плагином k-NN"));
}

void OpenSearchClient::fail(int status, const json& body) const {
  const std::string name = address_.shown();
  const std::string type = word_of(body, "type");
  if (type == "index_not_found_exception") fail_no_library(name);
  if (is_blocked(body)) {
    throw Error(ErrorCode::kFailed,
                tr("{}: OpenSearch takes nothing more: a disk of the cluster is nearly full",
                   "{}: OpenSearch больше ничего не принимает: диск кластера почти полон", name),
                tr("free space there; what is in the library can still be found",
                   "освободите на нём место; то, что уже в библиотеке, по-прежнему находится"));
  }
  const std::string reason = word_of(body, "reason");
  if (status == 401 || status == kForbidden) {
    const LocalizedText what =
        status == kForbidden
            ? tr("{}: the user may not do this", "{}: пользователю это не разрешено", name)
            : tr("{}: the user or the password is not accepted", "{}: имя или пароль не приняты",
                 name);
    throw Error(ErrorCode::kFailed,
                reason.empty() ? format_text("{} ({})", what, status)
                               : format_text("{} ({}: {})", what, status, excerpt(reason)),
                tr("write USER:PASSWORD@ before the host, or set OKO_OPENSEARCH_USER and "
                   "OKO_OPENSEARCH_PASSWORD",
                   "укажите ИМЯ:ПАРОЛЬ@ перед сервером или задайте OKO_OPENSEARCH_USER и "
                   "OKO_OPENSEARCH_PASSWORD"));
  }
  if (body.is_discarded()) {
    throw Error(ErrorCode::kFailed, tr("{}: what answers is not OpenSearch (status {})",
                                       "{}: отвечает не OpenSearch (статус {})", name, status));
  }
  throw Error(ErrorCode::kFailed, tr("{}: OpenSearch refuses (status {}): {}",
                                     "{}: OpenSearch отказывает (статус {}): {}", name, status,
                                     excerpt(reason.empty() ? text_of(body) : reason)));
}

}  // namespace oko::index
