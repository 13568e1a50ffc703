#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/stop_token.h"
#include "engine/embedder.h"
#include "index/store.h"
#include "tasks/index_clock.h"
#include "tasks/index_files.h"
#include "tasks/index_plan.h"
#include "tasks/library_encoder.h"
#include "tasks/read_documents.h"

namespace oko::tasks {

/// Embeds the documents of a run and puts them into the store. Files are reported once they are
/// committed.
class IndexWriter {
 public:
  /// All must outlive it.
  IndexWriter(index::Store& store, engine::Embedder& embedder, IndexPlan& plan,
              const IndexCallbacks& callbacks, IndexSummary& summary, const StopToken& stop);

  void add(ReadDocument read);
  void report_progress();
  IndexClock& clock() { return clock_; }
  /// Copies of files whose text the store does not have after all; they are to be read themselves.
  /// Call it when all was added.
  std::vector<std::string> take_unread_copies();

  /// Writes and commits what was added.
  void flush();
  /// A picture that stays without a caption.
  void report_uncaptioned(const std::string& path, const Error& error);

  /// Commits what was written.
  void commit();
  /// After a stop: the same, but for a document of which a part is in the store. That one, and
  /// nothing else, is then undone with the store.
  void commit_whole_documents();

  /// Writes the rest, removes the documents that are missing, and commits.
  void finish();

 private:
  void add_same(const ReadDocument& read);
  bool add_copy(const ReadDocument& read);
  void add_failed(ReadDocument read);
  void complete(const ReadDocument& read, index::DocumentId id);
  void write_waiting();
  void write_together(const std::vector<ReadDocument>& documents);
  void write_long(const ReadDocument& read);
  void report_written(ReadDocument read);
  std::vector<index::EncodedChunk> encoded(std::span<const index::Chunk> passages,
                                           const std::vector<std::string>& texts);
  void count_done(const std::string& path);
  void report(IndexedFile file);
  void commit_if_due();

  index::Store& store_;
  LibraryEncoder encoder_;
  IndexPlan& plan_;
  const IndexCallbacks& callbacks_;
  IndexSummary& summary_;
  StopToken stop_;
  IndexProgress progress_;
  IndexClock clock_;
  std::vector<ReadDocument> waiting_;  ///< to be embedded together
  std::size_t waiting_passages_ = 0;
  std::map<index::ContentHash, index::DocumentId> written_;
  std::vector<ReadDocument> copies_;  ///< of documents that are not written yet
  std::vector<IndexedFile> uncommitted_;
  std::size_t uncommitted_passages_ = 0;
  bool has_part_ = false;  ///< the store has a part of a document, and no other changes
  std::chrono::steady_clock::time_point committed_;
};

}  // namespace oko::tasks
