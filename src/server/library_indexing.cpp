#include "server/library_indexing.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/core_count.h"
#include "base/localized_text.h"
#include "budget/memory_size.h"
#include "hub/model_fingerprint.h"
#include "hub/model_path.h"
#include "index/sqlite_database.h"
#include "ocr/memory_estimate.h"
#include "ocr/page_reader.h"
#include "tasks/library_encoder.h"
#include "tasks/library_model.h"
#include "tasks/library_paths.h"

namespace oko::server {
namespace {

constexpr std::size_t kMostFailures = 100;  ///< that are named

/// What `oko search` finds the model by.
std::string name_for_library(const ServedModel& model) {
  try {
    if (hub::find_model(model.name) == model.folder) return model.name;
  } catch (const Error&) {
    return model.folder.string();  // served by --model FOLDER
  }
  return model.folder.string();
}

/// Finds out what does not fit before hours of reading. Returns the least budget.
std::uint64_t require_room(const engine::ModelHost& host, const engine::Embedder& embedder,
                           const index::LibraryModel& model) {
  const std::uint64_t least =
      tasks::budget_for_passages(
          embedder, model.passage_prefix,
          {.dense = true, .sparse = model.has_sparse, .colbert = model.colbert_dimensions > 0})
          .least;
  if (least > host.budget_bytes()) throw budget::OverBudget(least, host.budget_bytes());
  return least;
}

/// The engines of a run that reads several pages at once, and their memory.
struct RunEngines {
  std::optional<engine::FixedReservation> memory;
  std::shared_ptr<ocr::EnginePool> pool;  ///< null: there is room for one page, read in turn
};

/// Takes at most an eighth of the budget, as the engines stay and models are to fit beside them.
/// `least`: what the run needs besides.
void make_engines(engine::ModelHost& host, std::uint64_t least, const StopToken& stop,
                  RunEngines& engines) {
  constexpr std::uint64_t kShare = 8, kPage = ocr::kEngineBytes + ocr::kPageBytes;
  const std::uint64_t budget = host.budget_bytes();
  const std::uint64_t taken = std::max(least, host.memory_budget().held().total());
  const std::uint64_t room = std::min(budget / kShare, budget - std::min(budget, taken));
  const auto size =
      static_cast<std::size_t>(std::min<std::uint64_t>(room / kPage, physical_core_count()));
  if (size < 2) return;
  engines.memory.emplace(host, size * ocr::kEngineBytes, LocalizedText(), stop);
  engines.pool = std::make_shared<ocr::EnginePool>(ocr::Options(), size);
}

}  // namespace

bool is_running(LibraryIndexing::State state) {
  return state == LibraryIndexing::State::kRunning || state == LibraryIndexing::State::kStopping;
}

struct LibraryIndexing::Models {
  std::shared_ptr<void> lock;                       ///< of the library, for this process
  std::optional<index::LibraryModel> library = {};  ///< nothing: it is to be made
  ServedModel embedding = {};                       ///< of a new one
  ServedModel describing = {};                      ///< with captions
};

LibraryIndexing::Models LibraryIndexing::models_for(const IndexingRequest& request,
                                                    const StopToken& stop) {
  Models models{.lock = library_.lock_to_write()};
  try {
    const ServedLibrary::Lease store(library_, stop);
    models.library = store->model();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    models.embedding = models_.find("", ModelKind::kEmbedding);
  }
  if (request.captions) models.describing = models_.find("", ModelKind::kVisionLanguage);
  return models;
}

bool LibraryIndexing::start(const IndexingRequest& request, const StopToken& stop) {
  const MutexLock one_at_a_time(start_mutex_);
  if (is_running(status().state)) return false;
  Models models = models_for(request, stop);
  const StopSource stopping;
  Status before;
  {
    const MutexLock lock(mutex_);
    before = std::exchange(status_, {.state = State::kRunning, .request = request});
    watch_ = {};
    stopping_ = stopping;
  }
  try {
    worker_ = JoiningThread(
        [this, request, models = std::move(models), token = stopping.get_token()]() mutable {
          run(request, std::move(models), token);
        });
  } catch (...) {  // there is no thread to end the run
    const MutexLock lock(mutex_);
    status_ = std::move(before);
    throw;
  }
  return true;
}

LibraryIndexing::Status LibraryIndexing::status() const {
  const MutexLock lock(mutex_);
  Status status = status_;
  if (is_running(status.state)) status.seconds = watch_.seconds();
  return status;
}

void LibraryIndexing::stop() {
  const MutexLock lock(mutex_);
  if (status_.state != State::kRunning) return;
  status_.state = State::kStopping;
  stopping_.request_stop();
}

bool LibraryIndexing::wait_until(std::chrono::steady_clock::time_point end) {
  const MutexLock lock(mutex_);
  return ended_.wait_for(mutex_, StopToken(), end - std::chrono::steady_clock::now(),
                         [this]() OKO_REQUIRES(mutex_) { return !is_running(status_.state); });
}

void LibraryIndexing::end(State state, std::optional<Error> error) {
  const MutexLock lock(mutex_);
  status_.state = state;
  status_.error = std::move(error);
  status_.seconds = watch_.seconds();
  ended_.notify_all();
}

void LibraryIndexing::run(const IndexingRequest& request, Models models, const StopToken& stop) {
  State state = State::kDone;
  std::optional<Error> failure;
  try {
    index(request, models, stop);
  } catch (const Error& error) {
    state = error.code() == ErrorCode::kCancelled ? State::kStopped : State::kFailed;
    if (state == State::kFailed) failure = error;
  } catch (const std::exception& error) {
    state = State::kFailed;
    failure = Error(ErrorCode::kFailed, LocalizedText(std::string(error.what())));
  }
  models.lock.reset();  // before anybody can start the next run
  end(state, std::move(failure));
}

void LibraryIndexing::index(const IndexingRequest& request, const Models& models,
                            const StopToken& stop) {
  ServedModel model;
  const std::shared_ptr<engine::Embedder> embedder =
      models.library ? models_.embedder_of_library(*models.library, model)
                     : models_.embedder(models.embedding.name, model);
  const index::LibraryModel library_model =
      models.library
          ? *models.library
          : tasks::library_model_of(name_for_library(model), model.folder, *embedder, {}, stop);
  engine::ModelHost& host = models_.host();
  const std::uint64_t least = require_room(host, *embedder, library_model);
  const engine::FixedReservation for_library(host, index::SqliteDatabase::kCacheBytes, {}, stop);
  const std::unique_ptr<index::Store> store = library_.open_to_write(
      library_model,
      [&](index::LibraryModel& own) { tasks::learn_language_direction(*embedder, own, stop); },
      stop);
  const std::vector<std::string> paths{library_.roots().at(request.root).folder.string()};
  tasks::IndexOptions options;
  options.retries_failed = request.retries_failed;
  options.read.pages.reader = &reader_;
  options.read.pages.decoder = models_.decoder(stop, decoding::HelperScope::kFile);
  RunEngines engines;
  make_engines(host, least, stop, engines);
  options.read.pages.engines = std::move(engines.pool);
  const tasks::IndexCallbacks reports = callbacks();
  tasks::remember_paths(*store, paths);
  tasks::IndexSummary summary = index_files(*store, *embedder, paths, options, reports, stop);
  options.read.pages.engines.reset();
  engines.memory.reset();
  if (request.captions) {
    ServedModel describing;
    const auto generator = models_.generator(models.describing.name, describing);
    const tasks::CaptionOptions captions{.language = request.language,
                                         .model = hub::model_fingerprint(describing.folder),
                                         .retries_failed = request.retries_failed,
                                         .decoder = options.read.pages.decoder};
    tasks::require_room_for_captions(host, *generator, captions);
    const auto on_progress = [this](const tasks::CaptionProgress& progress) {
      const MutexLock lock(mutex_);
      status_.phase = Phase::kDescribing;
      status_.pictures = progress;
    };
    caption_pictures(*store, *embedder, host, *generator, paths, captions, reports, on_progress,
                     summary, stop);
  }
  const MutexLock lock(mutex_);
  status_.summary = summary;
}

tasks::IndexCallbacks LibraryIndexing::callbacks() {
  return {.on_file = [this](const tasks::IndexedFile& file) { add(file); },
          .on_progress =
              [this](const tasks::IndexProgress& progress) {
                const MutexLock lock(mutex_);
                status_.phase = Phase::kReading;
                status_.files = progress;
              }};
}

void LibraryIndexing::add(const tasks::IndexedFile& file) {
  using tasks::FileOutcome;
  const MutexLock lock(mutex_);
  tasks::IndexSummary& summary = status_.summary;
  if (file.outcome == FileOutcome::kAdded) ++summary.added;
  if (file.outcome == FileOutcome::kUpdated) ++summary.updated;
  if (file.outcome == FileOutcome::kMoved) ++summary.moved;
  if (file.outcome == FileOutcome::kRemoved) ++summary.removed;
  if (file.outcome == FileOutcome::kFailed) ++summary.failed;
  if (file.outcome == FileOutcome::kCaptioned) summary.captioned += file.captions;
  if (file.outcome == FileOutcome::kUncaptioned) ++summary.uncaptioned;
  if (file.error && status_.failures.size() < kMostFailures) {
    status_.failures.emplace_back(file.path, *file.error);
  }
}

}  // namespace oko::server
