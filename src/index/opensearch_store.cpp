#include "index/opensearch_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "base/error.h"
#include "base/localized_text.h"
#include "index/opensearch_lock.h"
#include "index/opensearch_mapping.h"
#include "index/opensearch_words.h"
#include "index/token_codes.h"

namespace oko::index {
namespace {

using nlohmann::json;

constexpr std::size_t kMostResults = 10'000;  ///< that OpenSearch gives at once
constexpr std::size_t kIdsAtOnce = 1'000;
constexpr std::size_t kMostTokens = 1'000;  ///< of a sparse query; OpenSearch takes 1024 clauses

/// Cosines of unit vectors, by the k-NN plugin's script for exact scores.
json dense_query(std::span<const float> query, const json& visible) {
  return {{"script_score",
           {{"query", visible},
            {"script",
             {{"lang", "knn"},
              {"source", "knn_score"},
              {"params",
               {{"field", "dense"},
                {"query_value", json(std::vector<float>(query.begin(), query.end()))},
                {"space_type", "innerproduct"}}}}}}}};
}

/// Of an inner product, which that script makes positive.
float cosine_of(double score) {
  const double product = score >= 1 ? score - 1 : 1 - 1 / std::max(score, 1e-9);
  return static_cast<float>(std::clamp(product, -1.0, 1.0));
}

json sparse_query(const models::bge_m3::SparseVector& query, json visible) {
  models::bge_m3::SparseVector tokens = query;
  std::sort(tokens.begin(), tokens.end(),
            [](const auto& a, const auto& b) { return a.second > b.second; });
  if (tokens.size() > kMostTokens) tokens.resize(kMostTokens);
  json should = json::array();
  for (const auto& [token, weight] : tokens) {
    if (weight <= 0) continue;
    should.push_back({{"rank_feature",
                       {{"field", fmt::format("sparse.{}", token)},
                        {"linear", json::object()},
                        {"boost", weight}}}});
  }
  if (should.empty()) return {};
  visible.at("bool")["should"] = should;
  visible.at("bool")["minimum_should_match"] = 1;
  return visible;
}

/// Calls `visit` for parts of a list that are not too long for one request.
template <typename Id, typename Visit>
void in_parts(std::span<const Id> ids, const Visit& visit) {
  for (std::size_t at = 0; at < ids.size(); at += kIdsAtOnce) {
    visit(ids.subspan(at, std::min(kIdsAtOnce, ids.size() - at)));
  }
}

/// Restricts a query for visible items to those of ids.
void add_ids(json& visible, const char* field, std::span<const std::int64_t> ids) {
  const std::vector<std::int64_t> list(ids.begin(), ids.end());
  visible.at("bool").at("filter").push_back({{"terms", {{field, list}}}});
}

}  // namespace

OpenSearchStore::OpenSearchStore(const OpenSearchAddress& address, Options options,
                                 LibraryModel model)
    : client_(address, options.http, options.stop),
      options_(std::move(options)),
      model_(std::move(model)) {}

std::unique_ptr<OpenSearchStore> OpenSearchStore::open(const OpenSearchAddress& address,
                                                       Options options) {
  std::unique_ptr<OpenSearchStore> store(new OpenSearchStore(address, std::move(options), {}));
  store->client_.reading([&] {
    const json index = store->client_.send("GET", "").body;
    store->model_ = read_index_header(index, address.shown()).model;
    store->current();
  });
  return store;
}

const LibraryState& OpenSearchStore::current() {
  if (!lock_ && !is_held_) state_ = LibraryState::read(client_);
  return state_;
}

std::shared_ptr<void> OpenSearchStore::hold_state() {
  if (is_held_) return nullptr;
  client_.reading([&] { current(); });
  is_held_ = true;
  return {this, [this](void*) { is_held_ = false; }};
}

const OpenSearchStore::ParsedWords& OpenSearchStore::parse(std::string_view query) {
  const LibraryState& state = current();
  if (parsed_ && parsed_->text == query && parsed_->state == state.seq_no) return *parsed_;
  OpenSearchVocabulary vocabulary(client_, state);
  WordQuery parsed = parse_word_query(query, vocabulary);
  return parsed_.emplace(ParsedWords{.text = std::string(query),
                                     .state = state.seq_no,
                                     .all_chunks = vocabulary.all_chunks(),
                                     .query = std::move(parsed)});
}

std::vector<ScoredChunk> OpenSearchStore::best(const json& query, std::size_t count,
                                               std::string_view parameters) {
  std::vector<ScoredChunk> best;
  if (count == 0 || query.is_null()) return best;
  const json body{{"size", std::min(count, kMostResults)},
                  {"_source", false},
                  {"track_total_hits", false},
                  {"sort", {{{"_score", "desc"}}, {{"chunk", "asc"}}}},
                  {"query", query}};
  const json found = client_.search(body, parameters);
  for (const json& hit : found.at("hits").at("hits")) {
    const json& sort = hit.at("sort");
    best.push_back({.chunk = sort.at(1).get<ChunkId>(), .score = sort.at(0).get<float>()});
  }
  return best;
}

std::vector<ScoredChunk> OpenSearchStore::find_dense(std::span<const float> query,
                                                     std::size_t count, const Filter& filter) {
  return client_.reading([&] {
    std::vector<ScoredChunk> found =
        best(dense_query(query, current().visible("chunk", filter)), count);
    for (ScoredChunk& each : found) each.score = cosine_of(each.score);
    return found;
  });
}

std::vector<ScoredChunk> OpenSearchStore::find_sparse(const models::bge_m3::SparseVector& query,
                                                      std::size_t count, const Filter& filter) {
  return client_.reading(
      [&] { return best(sparse_query(query, current().visible("chunk", filter)), count); });
}

std::vector<ScoredChunk> OpenSearchStore::find_words(std::string_view query, std::size_t count,
                                                     const Filter& filter) {
  return client_.reading([&] {
    const ParsedWords& parsed = parse(query);
    OpenSearchVocabulary vocabulary(client_, state_, parsed.all_chunks);
    const OpenSearchWords words =
        words_query(parsed.query, vocabulary, state_.visible("chunk", filter));
    // The frequencies of words are those of all shards.
    std::vector<ScoredChunk> found = best(words.query, count, "&search_type=dfs_query_then_fetch");
    for (ScoredChunk& each : found) {
      each.score = std::min(1.0f, static_cast<float>(each.score / words.ceiling));
    }
    return found;
  });
}

bool OpenSearchStore::has_telling_words(std::string_view query) {
  return client_.reading([&] { return parse(query).query.is_telling; });
}

std::vector<std::string> OpenSearchStore::terms_of(std::string_view query) {
  return client_.reading([&] { return parse(query).query.marked_terms(); });
}

std::vector<float> OpenSearchStore::dense_scores(std::span<const float> query,
                                                 std::span<const ChunkId> chunks) {
  return client_.reading([&] {
    std::map<ChunkId, float> scores;
    const LibraryState& state = current();
    in_parts(chunks, [&](std::span<const ChunkId> ids) {
      json wanted = state.visible("chunk");
      add_ids(wanted, "chunk", ids);
      for (const ScoredChunk& each : best(dense_query(query, wanted), ids.size())) {
        scores[each.chunk] = cosine_of(each.score);
      }
    });
    std::vector<float> ordered;
    for (const ChunkId id : chunks) {
      const auto found = scores.find(id);
      ordered.push_back(found == scores.end() ? 0.0f : found->second);
    }
    return ordered;
  });
}

std::map<ChunkId, json> OpenSearchStore::items_of(std::span<const ChunkId> ids,
                                                  std::string_view fields) {
  std::map<ChunkId, json> items;
  const LibraryState& state = current();
  in_parts(ids, [&](std::span<const ChunkId> some) {
    json names = json::array();
    for (const ChunkId id : some) names.push_back(fmt::format("c{}", id));
    const std::string path = fmt::format("/_mget?_source_includes=chunk,version,{}", fields);
    const json found = client_.send("POST", path, text_of({{"ids", names}})).body;
    for (const json& item : found.at("docs")) {
      if (!item.value("found", false)) continue;
      const json& source = item.at("_source");
      if (state.sees(source.value("version", std::int64_t{0}))) {
        items[source.value("chunk", ChunkId{0})] = source;
      }
    }
  });
  return items;
}

std::vector<float> OpenSearchStore::colbert_scores(const models::bge_m3::TokenVectors& query,
                                                   std::span<const ChunkId> chunks) {
  return client_.reading([&] {
    const TokenQuery tokens(query.values, query.dimensions);
    const std::map<ChunkId, json> items = items_of(chunks, "tokens");
    std::vector<float> scores;
    for (const ChunkId id : chunks) {
      const auto found = items.find(id);
      const std::string codes =
          found == items.end() ? ""
                               : bytes_of_base64(found->second.value("tokens", "")).value_or("");
      const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(codes.data()),
                                                codes.size());
      scores.push_back(codes.empty() ? 0.0f : max_sim(tokens, std::span(&bytes, 1)).front());
    }
    return scores;
  });
}

std::vector<StoredChunk> OpenSearchStore::chunks(std::span<const ChunkId> ids) {
  return client_.reading([&] {
    const std::map<ChunkId, json> items =
        items_of(ids, "document,text,origin,page,page_width,page_height,lines");
    std::vector<StoredChunk> found;
    for (const ChunkId id : ids) {
      if (const auto item = items.find(id); item != items.end()) {
        found.push_back(chunk_of(item->second));
      }
    }
    return found;
  });
}

std::vector<KnownDocument> OpenSearchStore::documents(std::span<const DocumentId> ids) {
  return client_.reading([&] {
    std::map<DocumentId, KnownDocument> known;
    const LibraryState& state = current();
    in_parts(ids, [&](std::span<const DocumentId> some) {
      json wanted = state.visible("document");
      add_ids(wanted, "document", some);
      const json found = client_.search({{"size", some.size()}, {"query", wanted}});
      for (const json& hit : found.at("hits").at("hits")) {
        KnownDocument document = document_of(hit.at("_source"));
        known[document.id] = std::move(document);
      }
    });
    std::vector<KnownDocument> found;
    for (const DocumentId id : ids) {
      if (const auto document = known.find(id); document != known.end()) {
        found.push_back(document->second);
      }
    }
    return found;
  });
}

std::vector<StoredChunk> OpenSearchStore::chunks_of(DocumentId id) {
  return client_.reading([&] {
    json wanted = current().visible("chunk");
    add_ids(wanted, "document", std::span(&id, 1));
    std::vector<StoredChunk> chunks;
    client_.visit(wanted, "chunk", kIdsAtOnce, {"dense", "sparse", "tokens", "words", "forms"},
                  [&](const json& item) { chunks.push_back(index::chunk_of(item)); });
    return chunks;
  });
}

std::string OpenSearchStore::note(std::string_view key) {
  constexpr int kNotThere = 404;
  return client_.reading([&] {
    const auto reply = client_.send("GET", "/_doc/" + note_id(key), {}, kNotThere);
    return reply.status == kNotThere ? "" : note_of(reply.body.at("_source"), key);
  });
}

void OpenSearchStore::visit_documents(const std::function<void(const KnownDocument&)>& visit) {
  client_.reading([&] {
    client_.visit(current().visible("document"), "path", kIdsAtOnce, {},
                  [&](const json& item) { visit(document_of(item)); });
  });
}

LibraryCounts OpenSearchStore::counts() {
  return client_.reading([&] {
    const LibraryState& state = current();
    json body{{"size", 0}, {"track_total_hits", true}, {"query", state.visible("document")}};
    body["aggs"]["failed"]["filter"] = {{"term", {{"failed", true}}}};
    const json documents = client_.search(body);
    LibraryCounts counts;
    counts.failed_documents =
        documents.at("aggregations").at("failed").value("doc_count", std::uint64_t{0});
    counts.documents =
        documents.at("hits").at("total").value("value", std::uint64_t{0}) - counts.failed_documents;
    counts.chunks = OpenSearchVocabulary(client_, state).all_chunks();
    const json stats = client_.send("GET", "/_stats/store").body;
    counts.bytes = stats.value("/_all/total/store/size_in_bytes"_json_pointer, std::uint64_t{0});
    return counts;
  });
}

}  // namespace oko::index
