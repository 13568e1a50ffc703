#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/stop_token.h"
#include "engine/embedder.h"
#include "index/store.h"
#include "tasks/file_walk.h"
#include "tasks/read_documents.h"

namespace oko::tasks {

struct IndexOptions {
  ReadDocumentsOptions read = {};
  WalkOptions walk = {};
  bool retries_failed = false;  ///< reads files again that failed and have not changed since
  /// Removes the documents of a given folder that is empty, as an unplugged disk leaves it, and of
  /// a path that is not there any more.
  bool prunes = false;
};

/// What became of a file.
enum class FileOutcome {
  kAdded,
  kUpdated,
  kUnchanged,
  kMoved,
  kRemoved,
  kFailed,
  kCaptioned,
  kUncaptioned
};

/// "added", "updated", ...
const char* name_of(FileOutcome outcome);

struct IndexedFile {
  std::string path;
  FileOutcome outcome = FileOutcome::kAdded;
  std::string moved_from = {};
  std::string copy_of = {};  ///< a file with the same content, whose vectors it has
  std::size_t passages = 0;
  std::size_t captions = 0;  ///< of kCaptioned: new ones
  std::optional<Error> error = {};
  std::vector<LocalizedText> notes = {};
};

/// How far it is, of the files that must be read.
struct IndexProgress {
  std::size_t files_done = 0;
  std::size_t files = 0;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes = 0;
  std::optional<double> seconds_left = {};  ///< nothing before there is a basis to tell
};

struct IndexSummary {
  std::size_t added = 0, updated = 0, unchanged = 0, moved = 0, removed = 0, failed = 0;
  std::size_t captioned = 0, uncaptioned = 0;  ///< pictures, and pages of PDF
  std::size_t uncaptioned_before = 0;          ///< that are not asked about again
  std::size_t failed_before = 0;               ///< of `unchanged`: those that could not be read
  std::size_t skipped = 0;                     ///< files and folders that the walk leaves out
  std::size_t passages = 0;
};

struct IndexCallbacks {
  /// Each file once it is safe on the disk, but unchanged ones; on the caller's thread.
  std::function<void(const IndexedFile&)> on_file = {};
  std::function<void(const IndexProgress&)> on_progress = {};
  std::function<void(const SkippedFile&)> on_skipped = {};
  /// An empty folder, and how many documents of it stay in the library.
  std::function<void(const std::string& folder, std::size_t documents)> on_empty = {};
  /// A path of the library that is not there, and how many documents of it are to be removed.
  std::function<void(const std::string& path, std::size_t documents)> on_gone = {};
};

/// Brings a library up to date with files and folders: reads new and changed files, notices moved
/// and copied ones by their content, and removes those that are gone. A file counts as unchanged if
/// its size and time are. Text of one file is read while vectors of another are made. What is done
/// stays done if it is stopped, and the next run goes on.
///
/// Throws kNotFound for a path that does not exist (nothing is removed then), unless `prunes` and
/// the library has it or documents of it; kCancelled, and as Store, Embedder and PageReader do.
IndexSummary index_files(index::Store& store, engine::Embedder& embedder,
                         const std::vector<std::string>& paths, const IndexOptions& options,
                         const IndexCallbacks& callbacks, const StopToken& stop);

}  // namespace oko::tasks
