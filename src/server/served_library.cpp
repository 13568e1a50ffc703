#include "server/served_library.h"

#include <sys/stat.h>

#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "hub/model_fingerprint.h"

namespace oko::server {
namespace {

// A store is used by one thread at a time, and takes up to some tens of megabytes.
constexpr std::size_t kMostStores = 4;
constexpr std::size_t kMostIdle = 2;

}  // namespace

ServedLibrary::ServedLibrary(ServedLibraryOptions options, ServedModels& models)
    : options_(std::move(options)), models_(models) {}

std::pair<std::uint64_t, std::uint64_t> ServedLibrary::file_now() const {
  struct stat info {};
  if (options_.file.empty() || ::stat(options_.file.c_str(), &info) != 0) return {};
  return {static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino)};
}

ServedLibrary::Lease::Lease(ServedLibrary& library, const StopToken& stop)
    : library_(library), file_(library.file_now()) {
  if (!library.is_served()) {
    throw Error(
        ErrorCode::kNotFound, tr("no library is served", "библиотеки нет"),
        tr("start the server with one: {}", "запустите сервер с ней: {}", "oko serve --library"));
  }
  {
    const MutexLock lock(library_.mutex_);
    const bool may_take = library_.returned_.wait(
        library_.mutex_, stop,
        [&]() OKO_REQUIRES(library_.mutex_) { return library_.lent_ < kMostStores; });
    if (!may_take) throw_cancelled();
    ++library_.lent_;
    if (library_.idle_file_ != file_) library_.idle_.clear();
    library_.idle_file_ = file_;
    if (!library_.idle_.empty()) {
      store_.splice(store_.begin(), library_.idle_, library_.idle_.begin());
      return;
    }
  }
  try {
    store_.push_back(library_.options_.open());
  } catch (...) {
    const MutexLock lock(library_.mutex_);
    --library_.lent_;
    library_.returned_.notify_one();
    throw;
  }
}

ServedLibrary::Lease::~Lease() {
  const MutexLock lock(library_.mutex_);
  const bool is_kept =
      is_whole_ && library_.idle_file_ == file_ && library_.idle_.size() < kMostIdle;
  if (is_kept) library_.idle_.splice(library_.idle_.begin(), store_);
  --library_.lent_;
  library_.returned_.notify_one();
}

std::shared_ptr<engine::Embedder> ServedLibrary::embedder(const index::LibraryModel& own,
                                                          ServedModel& model) {
  const MutexLock lock(model_mutex_);
  if (fingerprint_ == own.fingerprint) {
    try {
      const ServedModel found = models_.find(model_.name, ModelKind::kEmbedding);
      const bool is_same = found.folder == model_.folder && found.modified == model_.modified;
      if (is_same) return models_.embedder(model_.name, model);
    } catch (const Error&) {
      fingerprint_.clear();  // it may be there under another name
    }
  }
  for (const ServedModel& each : models_.list()) {
    if (each.kind != ModelKind::kEmbedding) continue;
    if (hub::model_fingerprint(each.folder) != own.fingerprint) continue;
    fingerprint_ = own.fingerprint;
    model_ = each;
    return models_.embedder(each.name, model);
  }
  throw Error(ErrorCode::kModelNotFound,
              tr("the model that the library was made with, {}, is not here",
                 "модели, с которой создана библиотека, {}, здесь нет", own.name),
              tr("get it: oko pull {}; or search by words: \"mode\": \"text\"",
                 "получите её: oko pull {}; или ищите по словам: \"mode\": \"text\"", own.name));
}

}  // namespace oko::server
