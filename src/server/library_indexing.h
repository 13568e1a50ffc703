#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/language.h"
#include "base/mutex.h"
#include "base/stop_token.h"
#include "engine/stopwatch.h"
#include "server/served_library.h"
#include "server/served_models.h"
#include "tasks/caption_pictures.h"
#include "tasks/index_files.h"
#include "tasks/shared_reader.h"

namespace oko::server {

/// What a request asks for.
struct IndexingRequest {
  std::size_t root = 0;  ///< of ServedLibrary::roots
  bool captions = false;
  bool retries_failed = false;
  Language language = Language::kEnglish;  ///< of captions
};

/// Brings the library up to date with a folder of the roots, in the background: as `oko index`
/// does, but with the server's models and reader, under its budget and in turn with its requests.
/// One run at a time. Any thread may call.
class LibraryIndexing {
 public:
  enum class State { kIdle, kRunning, kStopping, kDone, kStopped, kFailed };
  enum class Phase { kStarting, kReading, kDescribing };

  /// How far the run is, or how the last one went.
  struct Status {
    State state = State::kIdle;
    Phase phase = Phase::kStarting;
    IndexingRequest request = {};
    tasks::IndexProgress files = {};
    tasks::CaptionProgress pictures = {};
    tasks::IndexSummary summary = {};  ///< while it runs: what the callbacks have told
    /// The first files that could not be read or described.
    std::vector<std::pair<std::string, Error>> failures = {};
    std::optional<Error> error = {};  ///< that ended the run
    double seconds = 0;
  };

  /// All must outlive it.
  LibraryIndexing(ServedLibrary& library, ServedModels& models, tasks::SharedReader& reader)
      : library_(library), models_(models), reader_(reader) {}
  ~LibraryIndexing() { stop(); }
  LibraryIndexing(const LibraryIndexing&) = delete;
  LibraryIndexing& operator=(const LibraryIndexing&) = delete;

  /// Returns false if a run is under way. Throws kBusy if another process writes to the library,
  /// kModelNotFound, and as ServedLibrary for one that cannot be opened. Other errors end the run.
  bool start(const IndexingRequest& request, const StopToken& stop);

  Status status() const;

  /// What is done stays done.
  void stop();
  /// Returns false if the run has not ended by then.
  bool wait_until(std::chrono::steady_clock::time_point end);

 private:
  /// The model of a library that is there, if it is, or of a new one.
  struct Models;
  Models models_for(const IndexingRequest& request, const StopToken& stop);
  void run(const IndexingRequest& request, Models models, const StopToken& stop);
  void index(const IndexingRequest& request, const Models& models, const StopToken& stop);
  tasks::IndexCallbacks callbacks();
  void add(const tasks::IndexedFile& file);
  void end(State state, std::optional<Error> error);

  ServedLibrary& library_;
  ServedModels& models_;
  tasks::SharedReader& reader_;
  mutable Mutex mutex_;
  ConditionVariable ended_;
  Status status_ OKO_GUARDED_BY(mutex_);
  engine::Stopwatch watch_ OKO_GUARDED_BY(mutex_);
  StopSource stopping_ OKO_GUARDED_BY(mutex_);
  Mutex start_mutex_;  ///< held while a run is started
  JoiningThread worker_ OKO_GUARDED_BY(start_mutex_);
};

/// Not ended yet.
bool is_running(LibraryIndexing::State state);

}  // namespace oko::server
