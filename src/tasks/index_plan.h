#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/stop_token.h"
#include "index/library.h"
#include "index/store.h"
#include "tasks/index_files.h"
#include "tasks/time_left.h"

namespace oko::tasks {

/// What a run of `index_files` has to do.
struct IndexPlan {
  std::vector<std::string> to_read;                   ///< new and changed files, by rising path
  std::map<std::string, index::KnownDocument> known;  ///< of `to_read`, by path
  /// Documents whose files are not there any more.
  std::map<index::DocumentId, index::KnownDocument> missing;
  /// Contents of all documents of the library, by rising hash.
  std::vector<std::pair<index::ContentHash, index::DocumentId>> contents;
  std::vector<FileToRead> files;                 ///< each of `to_read`
  std::map<std::string, std::size_t> number_of;  ///< of each of `to_read`
  std::uint64_t bytes = 0;                       ///< of all of them
};

/// Compares files with the documents of a library. Counts in `summary` what is unchanged or left
/// out. Throws as walk_files and Store do.
IndexPlan make_index_plan(index::Store& store, const std::vector<std::string>& paths,
                          const IndexOptions& options, const IndexCallbacks& callbacks,
                          IndexSummary& summary, const StopToken& stop);

/// The documents of a library below folders or at paths, by rising path.
std::vector<index::KnownDocument> documents_below(index::Store& store,
                                                  const std::vector<std::string>& paths);

/// Finds files of a plan by their content.
class KnownContents {
 public:
  /// `plan` must not change while `find` runs.
  explicit KnownContents(const IndexPlan& plan);

  /// The document at the same path if its content is the same, else one that is missing elsewhere,
  /// each once. Else the file is a copy of a document, or of another one that was asked for.
  SameContent find(const index::Document& document);

 private:
  index::DocumentId find_moved(const index::Document& document);

  std::map<std::string, index::KnownDocument> known_;
  std::multimap<index::ContentHash, index::DocumentId> moved_;
  const std::vector<std::pair<index::ContentHash, index::DocumentId>>& contents_;
  std::set<index::ContentHash> asked_;
};

}  // namespace oko::tasks
