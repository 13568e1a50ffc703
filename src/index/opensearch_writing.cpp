// What OpenSearchStore does to write.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "index/opensearch_lock.h"
#include "index/opensearch_mapping.h"
#include "index/opensearch_store.h"
#include "index/same_model.h"
#include "index/words_tokenizer.h"

namespace oko::index {
namespace {

using nlohmann::json;

constexpr std::size_t kBulkBytes = 4'000'000;
constexpr int kSessionBits = 32;  ///< of a number, below the session
constexpr std::size_t kMostGaps = 100;
constexpr std::size_t kChunksAtOnce = 200;  ///< of a document that moves

/// Makes the index if there is none, with copies on two nodes if there are so many.
void create_index(OpenSearchClient& client, LibraryModel model, const LearnModel& learn) {
  constexpr int kBadRequest = 400;
  constexpr int kNotThere = 404;
  if (client.send("GET", "", {}, kNotThere).status != kNotThere) return;
  if (learn) learn(model);
  const OpenSearchAddress& address = client.address();
  const int replicas = address.replicas >= 0 ? address.replicas : client.data_nodes() > 1 ? 1 : 0;
  const OpenSearchClient::Reply reply =
      client.send("PUT", "?wait_for_active_shards=all",
                  text_of(index_settings(model, address.shards, replicas)), kBadRequest);
  if (reply.status != kBadRequest) return;
  const json error = reply.body.value("error", json::object());
  if (error.value("type", "") == "resource_already_exists_exception") return;  // another was faster
  throw Error(
      ErrorCode::kFailed,
      tr("{}: OpenSearch does not make the index: {}", "{}: OpenSearch не создаёт индекс: {}",
         address.shown(), error.value("reason", "")),
      tr("its k-NN plugin and the module mapper-extras are needed",
         "нужны его плагин k-NN и модуль mapper-extras"));
}

void require_same_words(const IndexHeader& header, const std::string& shown) {
  if (header.words != words_fingerprint()) {
    throw Error(ErrorCode::kUsage,
                tr("{}: an oko with other stemmers made this library",
                   "{}: эту библиотеку создал oko с другими стеммерами", shown),
                tr("index into another library", "индексируйте в другую библиотеку"));
  }
}

}  // namespace

std::unique_ptr<OpenSearchStore> OpenSearchStore::open_or_create(const OpenSearchAddress& address,
                                                                 const LibraryModel& model,
                                                                 Options options) {
  std::unique_ptr<OpenSearchStore> store(new OpenSearchStore(address, std::move(options), model));
  store->client_.reading([&] {
    create_index(store->client_, model, store->options_.learn);
    const json index = store->client_.send("GET", "").body;
    const IndexHeader header = read_index_header(index, address.shown());
    require_same_model(header.model, model, address.shown());
    require_same_words(header, address.shown());
    store->model_ = header.model;
    store->begin_session();
  });
  return store;
}

OpenSearchStore::~OpenSearchStore() {
  // Items of what was not committed may be there.
  if (!lock_ || !written_.empty() || !pending_.empty() || !replaced_.empty()) return;
  try {
    state_.is_clean = true;
    state_.write(client_);
  } catch (...) {
    return;  // the next process that writes takes what this one left for a gap
  }
}

void OpenSearchStore::begin_session() {
  lock_ = std::make_unique<OpenSearchLock>(client_.address(), options_.http, options_.lease,
                                           options_.stop);
  state_ = LibraryState::read(client_);
  ++state_.session;
  state_.writer = lock_->owner();
  last_number_ = state_.session << kSessionBits;
  if (!state_.is_clean) {
    state_.gaps.emplace_back(state_.committed + 1, last_number_);
    // The oldest were looked through often enough: their processes are gone.
    if (state_.gaps.size() > kMostGaps) state_.gaps.erase(state_.gaps.begin());
  }
  state_.is_clean = false;
  state_.write(client_);
  client_.refresh();
  delete_versions(client_, state_.dead, state_.gaps);
  state_.dead.clear();
}

template <typename Write>
auto OpenSearchStore::undoing(const Write& write) {
  state_.gaps.reserve(state_.gaps.size() + 1);  // `undo` gets no memory
  try {
    lock_->require_held();
    return client_.reading(write);
  } catch (...) {
    undo();
    throw;
  }
}

void OpenSearchStore::undo() noexcept {
  const std::int64_t first = std::max(state_.committed, state_.session << kSessionBits) + 1;
  if (first <= last_number_) state_.gaps.emplace_back(first, last_number_);
  written_.clear();
  paths_.clear();
  replaced_.clear();
  pending_.clear();
  pending_bytes_ = 0;
}

DocumentId OpenSearchStore::put(const Document& document, std::span<const EncodedChunk> chunks) {
  for (const EncodedChunk& chunk : chunks) require_fitting(model_, chunk);
  return undoing([&] {
    const auto [known, version] = find_path(document.path);
    const Written written{.version = next(), .document = document};
    const DocumentId id = known != 0 ? known : written.version;
    if (known != 0) replace(id, version);
    written_[id] = written;
    paths_[document.path] = id;
    add_item(fmt::format("d{}", written.version), document_item(id, written.version, document));
    add_chunks(id, written, chunks, true);
    return id;
  });
}

void OpenSearchStore::append(DocumentId id, std::span<const EncodedChunk> chunks) {
  for (const EncodedChunk& chunk : chunks) require_fitting(model_, chunk);
  undoing([&] {
    const auto written = written_.find(id);
    if (written == written_.end() || !written->second) {
      throw Error(ErrorCode::kFailed, tr("only a document that was put can be continued",
                                         "продолжить можно только добавленный документ"));
    }
    add_chunks(id, *written->second, chunks, false);
  });
}

void OpenSearchStore::move(DocumentId id, const Document& document) {
  undoing([&] {
    const std::int64_t from = version_of(id);
    if (from == 0) return;
    const Written to{.version = next(), .document = document};
    add_item(fmt::format("d{}", to.version), document_item(id, to.version, document));
    move_chunks(id, from, to);
    replace(id, from);
    written_[id] = to;
    paths_[document.path] = id;
  });
}

void OpenSearchStore::remove(DocumentId id) {
  undoing([&] {
    replace(id, version_of(id));
    written_[id] = std::nullopt;
  });
}

void OpenSearchStore::set_note(std::string_view key, std::string_view text) {
  undoing([&] { add_item(note_id(key), note_item(key, text)); });
}

void OpenSearchStore::commit() {
  if (!lock_ || (written_.empty() && replaced_.empty() && pending_.empty())) return;
  undoing([&] { write_commit(); });
}

std::pair<DocumentId, std::int64_t> OpenSearchStore::find_path(const std::string& path) {
  if (const auto own = paths_.find(path); own != paths_.end()) {
    const auto& written = written_.at(own->second);
    if (written && written->document.path == path) return {own->second, written->version};
  }
  json wanted = state_.visible("document");
  wanted.at("bool").at("filter").push_back({{"term", {{"path", path_text(path)}}}});
  const json found = client_.search({{"size", 1}, {"query", wanted}});
  for (const json& hit : found.at("hits").at("hits")) {
    const json& item = hit.at("_source");
    const auto id = item.value("document", DocumentId{0});
    if (!written_.contains(id)) return {id, item.value("version", std::int64_t{0})};
  }
  return {};
}

/// 0: there is no such document.
std::int64_t OpenSearchStore::version_of(DocumentId id) {
  if (const auto own = written_.find(id); own != written_.end()) {
    return own->second ? own->second->version : 0;
  }
  json wanted = state_.visible("document");
  wanted.at("bool").at("filter").push_back({{"term", {{"document", id}}}});
  const json found = client_.search({{"size", 1}, {"_source", {"version"}}, {"query", wanted}});
  const json& hits = found.at("hits").at("hits");
  return hits.empty() ? 0 : hits.front().at("_source").value("version", std::int64_t{0});
}

void OpenSearchStore::replace(DocumentId id, std::int64_t version) {
  if (version != 0) replaced_.push_back(version);
  if (const auto own = written_.find(id); own != written_.end() && own->second) {
    paths_.erase(own->second->document.path);
  }
}

void OpenSearchStore::add_chunks(DocumentId id, const Written& written,
                                 std::span<const EncodedChunk> chunks, bool has_first) {
  for (const EncodedChunk& chunk : chunks) {
    const ChunkId number = next();
    json item = chunk_item(number, chunk);
    set_document(item, id, written.version, written.document, has_first);
    has_first = false;
    add_item(fmt::format("c{}", number), item);
  }
}

/// Writes the chunks of a version anew: they have the path of their document, for filters.
void OpenSearchStore::move_chunks(DocumentId id, std::int64_t from, const Written& to) {
  if (from > state_.committed) {
    flush();
    client_.refresh();
  }
  const json chunks{
      {"bool", {{"filter", {{{"term", {{"version", from}}}}, {{"term", {{"type", "chunk"}}}}}}}}};
  bool is_first = true;
  client_.visit(chunks, "chunk", kChunksAtOnce, {}, [&](json item) {
    const ChunkId number = next();
    item["chunk"] = number;
    item.erase("heading_words");
    set_document(item, id, to.version, to.document, is_first);
    is_first = false;
    add_item(fmt::format("c{}", number), item);
  });
}

void OpenSearchStore::add_item(const std::string& id, const json& item) {
  pending_.push_back(fmt::format("{}\n{}\n", text_of({{"index", {{"_id", id}}}}), text_of(item)));
  pending_bytes_ += pending_.back().size();
  if (pending_bytes_ >= kBulkBytes) flush();
}

void OpenSearchStore::flush() {
  const std::vector<std::string> items = std::exchange(pending_, {});
  pending_bytes_ = 0;
  client_.bulk(items);
}

void OpenSearchStore::write_commit() {
  flush();
  client_.refresh();
  LibraryState next_state = state_;
  next_state.committed = std::max(state_.committed, last_number_);
  next_state.dead = replaced_;
  delete_versions(client_, state_.dead, {});
  next_state.write(client_);
  state_ = std::move(next_state);
  written_.clear();
  paths_.clear();
  replaced_.clear();
}

}  // namespace oko::index
