#include "server/served_library.h"

#include <sys/stat.h>

#include <utility>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::server {
namespace {

// A store is used by one thread at a time, and takes up to some tens of megabytes.
constexpr std::size_t kMostStores = 4;
constexpr std::size_t kMostIdle = 2;

}  // namespace

ServedLibrary::ServedLibrary(ServedLibraryOptions options) : options_(std::move(options)) {}

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

}  // namespace oko::server
