#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/stop_token.h"
#include "index/opensearch_client.h"
#include "index/opensearch_state.h"
#include "index/store.h"
#include "index/word_query.h"

namespace oko::index {

class OpenSearchLock;

/// A library in an index of OpenSearch 2.19 with its k-NN plugin, on one machine or many.
///
/// A commit writes its items, has them made searchable, and then replaces one record that says
/// which versions can be seen (`LibraryState`): a crash before that leaves items that nobody sees,
/// and that the next process that writes deletes. What a commit replaces is deleted with the next
/// one, so that a search that began before it still finds it. An item is acknowledged when each
/// copy of its shard that the cluster counts as in step has it on its disk.
///
/// Searches by vectors are exact: a shard compares each of its chunks.
class OpenSearchStore : public Store {
 public:
  struct Options {
    net::HttpOptions http = {.first_delay = std::chrono::milliseconds(250),
                             .tries = 8,
                             .connect_timeout = std::chrono::seconds(5),
                             .silence = std::chrono::seconds(120)};
    std::chrono::milliseconds lease{30'000};  ///< of the right to write
    LearnModel learn = {};
    StopToken stop = {};  ///< as of OpenSearchClient
  };

  /// Opens a library for searches. Throws kNotFound if there is none.
  static std::unique_ptr<OpenSearchStore> open(const OpenSearchAddress& address, Options options);
  static std::unique_ptr<OpenSearchStore> open(const OpenSearchAddress& address) {
    return open(address, Options());
  }
  /// Opens a library for writing, or makes an empty one. Throws kUsage if it holds vectors of
  /// another model, or of texts with other prefixes, kBusy if another process writes.
  static std::unique_ptr<OpenSearchStore> open_or_create(const OpenSearchAddress& address,
                                                         const LibraryModel& model,
                                                         Options options);
  static std::unique_ptr<OpenSearchStore> open_or_create(const OpenSearchAddress& address,
                                                         const LibraryModel& model) {
    return open_or_create(address, model, Options());
  }
  ~OpenSearchStore() override;

  const LibraryModel& model() const override { return model_; }
  LibraryCounts counts() override;
  void visit_documents(const std::function<void(const KnownDocument&)>& visit) override;
  DocumentId put(const Document& document, std::span<const EncodedChunk> chunks) override;
  void append(DocumentId id, std::span<const EncodedChunk> chunks) override;
  void move(DocumentId id, const Document& document) override;
  void remove(DocumentId id) override;
  void commit() override;
  std::vector<ScoredChunk> find_dense(std::span<const float> query, std::size_t count,
                                      const Filter& filter) override;
  std::vector<ScoredChunk> find_sparse(const models::bge_m3::SparseVector& query, std::size_t count,
                                       const Filter& filter) override;
  std::vector<ScoredChunk> find_words(std::string_view query, std::size_t count,
                                      const Filter& filter) override;
  std::vector<float> dense_scores(std::span<const float> query,
                                  std::span<const ChunkId> chunks) override;
  std::vector<float> colbert_scores(const models::bge_m3::TokenVectors& query,
                                    std::span<const ChunkId> chunks) override;
  bool has_telling_words(std::string_view query) override;
  std::shared_ptr<void> hold_state() override;
  std::vector<std::string> terms_of(std::string_view query) override;
  std::vector<StoredChunk> chunks(std::span<const ChunkId> ids) override;
  std::vector<KnownDocument> documents(std::span<const DocumentId> ids) override;
  std::vector<StoredChunk> chunks_of(DocumentId id) override;
  std::string note(std::string_view key) override;
  void set_note(std::string_view key, std::string_view text) override;

 private:
  /// A document that was put or moved since the last commit.
  struct Written {
    std::int64_t version = 0;
    Document document;
  };

  OpenSearchStore(const OpenSearchAddress& address, Options options, LibraryModel model);

  /// A query for a state of the library: a search asks for its chunks and its terms.
  struct ParsedWords {
    std::string text;
    std::int64_t state = 0;  ///< LibraryState::seq_no
    std::uint64_t all_chunks = 0;
    WordQuery query;
  };

  /// The state that searches look at now.
  const LibraryState& current();
  const ParsedWords& parse(std::string_view query);
  std::vector<ScoredChunk> best(const nlohmann::json& query, std::size_t count,
                                std::string_view parameters = {});
  /// Visible items of chunks by id.
  std::map<ChunkId, nlohmann::json> items_of(std::span<const ChunkId> ids, std::string_view fields);

  void begin_session();
  /// Calls `write`; an error undoes all since `commit`.
  template <typename Write>
  auto undoing(const Write& write);
  void undo() noexcept;
  std::int64_t next() { return ++last_number_; }
  /// The document of a path, with what was written since the last commit; its id 0: there is none.
  std::pair<DocumentId, std::int64_t> find_path(const std::string& path);
  std::int64_t version_of(DocumentId id);
  void replace(DocumentId id, std::int64_t version);
  void add_chunks(DocumentId id, const Written& written, std::span<const EncodedChunk> chunks,
                  bool has_first);
  void move_chunks(DocumentId id, std::int64_t from, const Written& to);
  void add_item(const std::string& id, const nlohmann::json& item);
  void flush();
  void write_commit();

  OpenSearchClient client_;
  Options options_;
  LibraryModel model_;
  LibraryState state_;
  bool is_held_ = false;  ///< `state_`, by `hold_state`
  std::optional<ParsedWords> parsed_;
  std::unique_ptr<OpenSearchLock> lock_;  ///< of one that writes

  std::int64_t last_number_ = 0;
  std::map<DocumentId, std::optional<Written>> written_;  ///< since the last commit; null: removed
  std::map<std::string, DocumentId> paths_;               ///< of those that were put or moved
  std::vector<std::int64_t> replaced_;                    ///< versions, since the last commit
  std::vector<std::string> pending_;                      ///< items that were not sent yet
  std::size_t pending_bytes_ = 0;
};

}  // namespace oko::index
