#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/stop_token.h"
#include "index/library.h"
#include "models/bge_m3/encoding.h"

namespace oko::index {

/// A store of documents, their chunks and vectors. One process writes at a time, others may search
/// meanwhile: they see the state of a `commit`. An object is used by one thread at a time.
///
/// All functions throw kFailed for what the disk or the network refuses, kBadInput for a damaged
/// library (its message says how to rebuild it), kBusy if another process writes.
class Store {
 public:
  virtual ~Store() = default;

  virtual const LibraryModel& model() const = 0;
  virtual LibraryCounts counts() = 0;

  /// Calls `visit` for every document, in the order of their paths.
  virtual void visit_documents(const std::function<void(const KnownDocument&)>& visit) = 0;

  /// Adds a document, or replaces the one of this path with all its chunks. Visible to others, and
  /// safe from a crash, after `commit`; a crash before it, and an error of any of these, lose
  /// all since the last.
  virtual DocumentId put(const Document& document, std::span<const EncodedChunk> chunks) = 0;
  /// Adds chunks behind those of the document that `put` has added last.
  virtual void append(DocumentId id, std::span<const EncodedChunk> chunks) = 0;
  /// Changes path, size and time of a document whose content is the same.
  virtual void move(DocumentId id, const Document& document) = 0;
  virtual void remove(DocumentId id) = 0;
  virtual void commit() = 0;

  /// As `put`, with the chunks of document `id`, whose content is the same. Both share them until
  /// one is replaced or removed; a filter finds a chunk by any of its documents. Returns 0, and
  /// changes nothing, if the store cannot share chunks.
  virtual DocumentId copy(DocumentId /*id*/, const Document& /*document*/) { return 0; }
  /// The other documents that share the chunks of document `id`, by rising path.
  virtual std::vector<KnownDocument> copies(DocumentId /*id*/) { return {}; }

  /// The `count` best chunks by each measure, best first; ties by the smaller id. A chunk that has
  /// nothing in common with the query is not among them.
  ///
  /// Cosine of the dense vectors, -1..1. `query` has length 1.
  virtual std::vector<ScoredChunk> find_dense(std::span<const float> query, std::size_t count,
                                              const Filter& filter) = 0;
  /// Sum over the common tokens of the product of both weights, as BGE-M3's lexical weights.
  virtual std::vector<ScoredChunk> find_sparse(const models::bge_m3::SparseVector& query,
                                               std::size_t count, const Filter& filter) = 0;
  /// BM25 over stems, as a share of that of a text with all words of the query, 0..1; a word that
  /// no chunk has counts half. Words in quotation marks are a phrase that a chunk must have.
  virtual std::vector<ScoredChunk> find_words(std::string_view query, std::size_t count,
                                              const Filter& filter) = 0;
  /// Cosines for given chunks; 0 for one that does not exist.
  virtual std::vector<float> dense_scores(std::span<const float> query,
                                          std::span<const ChunkId> chunks) = 0;
  /// BGE-M3's score of token vectors for given chunks: the mean over the query's tokens of the best
  /// cosine with a token of the chunk. 0 for a chunk without token vectors.
  virtual std::vector<float> colbert_scores(const models::bge_m3::TokenVectors& query,
                                            std::span<const ChunkId> chunks) = 0;

  /// False if all words of the query are in none of the chunks, or in more than a fifth of them:
  /// what they say is not what tells chunks apart.
  virtual bool has_telling_words(std::string_view /*query*/) { return true; }
  /// The terms (WordReader) that `find_words` looks for, to mark them in texts.
  virtual std::vector<std::string> terms_of(std::string_view query) = 0;

  /// While the result lives, reads may see the library as it is now; a store whose state is far
  /// away asks for it once then.
  virtual std::shared_ptr<void> hold_state() { return nullptr; }

  /// Chunks and documents by id, in the order of `ids`; without those that do not exist.
  virtual std::vector<StoredChunk> chunks(std::span<const ChunkId> ids) = 0;
  virtual std::vector<KnownDocument> documents(std::span<const DocumentId> ids) = 0;
  /// All chunks of a document, in their order.
  virtual std::vector<StoredChunk> chunks_of(DocumentId id) = 0;

  /// What `set_note` has kept by a key; empty: nothing, or the store keeps no notes.
  virtual std::string note(std::string_view /*key*/) { return {}; }
  /// Lasts as `put` does.
  virtual void set_note(std::string_view /*key*/, std::string_view /*text*/) {}
};

}  // namespace oko::index
