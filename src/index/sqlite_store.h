#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "index/chunk_set.h"
#include "index/sqlite_database.h"
#include "index/sqlite_schema.h"
#include "index/store.h"

namespace oko::index {

class DenseIndex;
class SparseIndex;
class TokenIndex;
class WordIndex;

/// A library in a file of SQLite, which is its only truth. Beside it lies a file of vectors that is
/// made from it, and made anew where it does not match.
class SqliteStore : public Store {
 public:
  /// Opens a library for searches. Throws kNotFound if there is none.
  static std::unique_ptr<SqliteStore> open(const std::filesystem::path& path);
  /// Opens a library for writing, or makes an empty one. Throws kUsage if it holds vectors of
  /// another model, or of texts with other prefixes.
  static std::unique_ptr<SqliteStore> open_or_create(const std::filesystem::path& path,
                                                     const LibraryModel& model,
                                                     const LearnModel& learn = {});
  ~SqliteStore() override;

  const LibraryModel& model() const override { return header_.model; }
  LibraryCounts counts() override;
  void visit_documents(const std::function<void(const KnownDocument&)>& visit) override;
  DocumentId put(const Document& document, std::span<const EncodedChunk> chunks) override;
  void append(DocumentId id, std::span<const EncodedChunk> chunks) override;
  void move(DocumentId id, const Document& document) override;
  void remove(DocumentId id) override;
  void commit() override;
  DocumentId copy(DocumentId id, const Document& document) override;
  std::vector<KnownDocument> copies(DocumentId id) override;
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
  std::vector<std::string> terms_of(std::string_view query) override;
  std::vector<StoredChunk> chunks(std::span<const ChunkId> ids) override;
  std::vector<KnownDocument> documents(std::span<const DocumentId> ids) override;
  std::vector<StoredChunk> chunks_of(DocumentId id) override;
  std::string note(std::string_view key) override;
  void set_note(std::string_view key, std::string_view text) override;

 private:
  explicit SqliteStore(std::unique_ptr<SqliteDatabase> database);

  std::string document_columns() const;
  KnownDocument document_of(const SqliteStatement& row) const;
  std::string chunk_columns() const;
  StoredChunk chunk_of(const SqliteStatement& row) const;
  /// Calls `write` in the transaction; an error undoes all since `commit`.
  template <typename Write>
  auto in_transaction(const Write& write);
  void undo();
  void flush();
  /// Makes the file of vectors anew if it is not that of the database.
  void repair_vectors();
  DocumentId put_document(const Document& document);
  void add_chunks(DocumentId id, std::span<const EncodedChunk> chunks, std::string_view heading);
  void move_rows(DocumentId id, const Document& document);
  ChunkId add_chunk(DocumentId document, const EncodedChunk& encoded, std::string_view heading);
  void remove_chunks(DocumentId document);
  void pass_chunks_on(DocumentId document, ChunkId first, ChunkId last);
  bool has_heading(ChunkId first, const std::string& part);
  void write_heading(ChunkId first, DocumentId without);
  const ChunkSet& chunks_in(const Filter& filter);

  std::unique_ptr<SqliteDatabase> database_;
  LibraryHeader header_;
  std::unique_ptr<DenseIndex> dense_;
  std::unique_ptr<SparseIndex> sparse_;
  std::unique_ptr<TokenIndex> tokens_;
  std::unique_ptr<WordIndex> words_;
  std::optional<SqliteStatement> insert_chunk_;
  std::optional<SqliteTransaction> transaction_;  ///< of what was written since `commit`
  std::size_t unflushed_chunks_ = 0;              ///< that `append` has added to it
  std::optional<ChunkSet> all_chunks_;            ///< of `data_version_`
  std::optional<std::pair<Filter, ChunkSet>> filtered_;
  std::int64_t data_version_ = -1;
};

}  // namespace oko::index
