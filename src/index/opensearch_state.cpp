#include "index/opensearch_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "index/library_failure.h"
#include "index/opensearch_mapping.h"

namespace oko::index {
namespace {

using nlohmann::json;

constexpr const char* kRecord = "/_doc/library";
constexpr std::size_t kMostTerms = 50'000;  ///< of a clause; OpenSearch takes 65,536
constexpr std::size_t kItemsAtOnce = 5'000;

void add_versions(json& clauses, const std::vector<std::int64_t>& versions) {
  for (std::size_t at = 0; at < versions.size(); at += kMostTerms) {
    json some = json::array();
    for (std::size_t i = at; i < std::min(at + kMostTerms, versions.size()); ++i) {
      some.push_back(versions[i]);
    }
    clauses.push_back({{"terms", {{"version", std::move(some)}}}});
  }
}

void add_ranges(json& clauses, const std::vector<LibraryState::Range>& ranges) {
  for (const auto& [first, last] : ranges) {
    clauses.push_back({{"range", {{"version", {{"gte", first}, {"lte", last}}}}}});
  }
}

/// `text` with the signs that a wildcard query reads as its own, but * and ?, taken as they are.
std::string wildcard_of(const std::string& pattern) {
  std::string text;
  for (const char c : path_text(pattern)) text.append(c == '\\' ? 2 : 1, c);
  return text;
}

void add_path(json& wanted, const std::string& path) {
  if (path.find_first_of("*?") != std::string::npos) {
    wanted.push_back({{"wildcard", {{"path", wildcard_of(path)}}}});
    return;
  }
  const std::string folder = path_text(path.ends_with('/') ? path : path + "/");
  wanted.push_back(
      {{"bool",
        {{"should", {{{"term", {{"path", path_text(path)}}}}, {{"prefix", {{"path", folder}}}}}},
         {"minimum_should_match", 1}}}});
}

}  // namespace

bool LibraryState::sees(std::int64_t version) const {
  return version <= committed &&
         std::none_of(
             gaps.begin(), gaps.end(),
             [&](const Range& gap) { return version >= gap.first && version <= gap.second; }) &&
         std::find(dead.begin(), dead.end(), version) == dead.end();
}

json LibraryState::visible(const char* type, const Filter& filter) const {
  json wanted = json::array(), unwanted = json::array();
  wanted.push_back({{"term", {{"type", type}}}});
  wanted.push_back({{"range", {{"version", {{"lte", committed}}}}}});
  add_versions(unwanted, dead);
  add_ranges(unwanted, gaps);
  if (!filter.path.empty()) add_path(wanted, filter.path);
  if (!filter.kinds.empty()) {
    json kinds = json::array();
    for (const DocumentKind kind : filter.kinds) kinds.push_back(static_cast<int>(kind));
    wanted.push_back({{"terms", {{"kind", kinds}}}});
  }
  json dates = json::object();
  if (filter.from_date) dates["gte"] = *filter.from_date;
  if (filter.to_date) dates["lte"] = *filter.to_date;
  if (!dates.empty()) wanted.push_back({{"range", {{"date", dates}}}});
  return {{"bool", {{"filter", wanted}, {"must_not", unwanted}}}};
}

LibraryState LibraryState::read(OpenSearchClient& client) {
  constexpr int kNotThere = 404;
  const OpenSearchClient::Reply reply = client.send("GET", kRecord, {}, kNotThere);
  LibraryState state;
  if (reply.status == kNotThere) {
    // OpenSearch answers so for an index, too.
    if (reply.body.contains("error")) fail_no_library(client.address().shown());
    return state;
  }
  const json& record = reply.body.at("_source");
  state.session = record.value("session", std::int64_t{0});
  state.writer = record.value("writer", "");
  state.committed = record.value("committed", std::int64_t{0});
  state.gaps = record.value("gaps", std::vector<Range>{});
  state.dead = record.value("dead", std::vector<std::int64_t>{});
  state.is_clean = record.value("clean", false);
  state.seq_no = reply.body.value("_seq_no", std::int64_t{-1});
  state.primary_term = reply.body.value("_primary_term", std::int64_t{0});
  return state;
}

void LibraryState::write(OpenSearchClient& client) {
  constexpr int kConflict = 409;
  const json record{{"type", "library"},      {"session", session}, {"writer", writer},
                    {"committed", committed}, {"gaps", gaps},       {"dead", dead},
                    {"clean", is_clean}};
  const std::string condition =
      seq_no < 0 ? std::string("?op_type=create")
                 : fmt::format("?if_seq_no={}&if_primary_term={}", seq_no, primary_term);
  const OpenSearchClient::Reply reply =
      client.send("PUT", kRecord + condition, text_of(record), kConflict);
  if (reply.status != kConflict) {
    seq_no = reply.body.value("_seq_no", std::int64_t{-1});
    primary_term = reply.body.value("_primary_term", std::int64_t{0});
    return;
  }
  // The answer to an earlier try may have been lost.
  const LibraryState now = read(client);
  if (now.writer == writer && now.session == session && now.committed == committed &&
      now.is_clean == is_clean && now.seq_no > seq_no) {
    seq_no = now.seq_no;
    primary_term = now.primary_term;
    return;
  }
  throw Error(ErrorCode::kBusy,
              tr("{}: another oko index has taken the library over",
                 "{}: библиотеку занял другой oko index", client.address().shown()),
              tr("run the same command again: what was reported is there",
                 "повторите ту же команду: то, о чём сообщалось, уже на месте"));
}

void delete_versions(OpenSearchClient& client, const std::vector<std::int64_t>& versions,
                     const std::vector<LibraryState::Range>& ranges) {
  if (versions.empty() && ranges.empty()) return;
  json clauses = json::array();
  add_versions(clauses, versions);
  add_ranges(clauses, ranges);
  const json body{{"size", kItemsAtOnce},
                  {"_source", false},
                  {"query", {{"bool", {{"should", clauses}, {"minimum_should_match", 1}}}}}};
  while (true) {
    std::vector<std::string> items;
    const json found = client.search(body);
    for (const json& hit : found.at("hits").at("hits")) {
      items.push_back(text_of({{"delete", {{"_id", hit.at("_id")}}}}) + "\n");
    }
    if (items.empty()) return;
    client.bulk(items);
    client.refresh();
  }
}

}  // namespace oko::index
