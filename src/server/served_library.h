#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "index/store.h"
#include "server/library_roots.h"

namespace oko::server {

struct ServedLibraryOptions {
  std::string name = {};                                     ///< its place, for people
  std::filesystem::path file = {};                           ///< empty: it is no file
  std::function<std::unique_ptr<index::Store>()> open = {};  ///< null: none is served
  std::vector<LibraryRoot> roots = {};
  /// The right to write, until the result is destroyed. Throws kBusy if another process writes.
  std::function<std::shared_ptr<void>()> lock = {};
  /// Opens it to write, or makes it, with the lock held.
  std::function<std::unique_ptr<index::Store>(const index::LibraryModel&, const index::LearnModel&,
                                              const StopToken&)>
      open_to_write = {};
};

/// The library that requests search, chosen at the start. Any thread may call.
class ServedLibrary {
 public:
  explicit ServedLibrary(ServedLibraryOptions options);

  using Stores = std::list<std::unique_ptr<index::Store>>;

  /// RAII: a store for one request.
  class Lease {
   public:
    Lease(ServedLibrary& library, const StopToken& stop);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    index::Store& operator*() const { return *store_.front(); }
    index::Store* operator->() const { return store_.front().get(); }
    /// The store is not to be used again: an error may have left it in the middle of something.
    void give_up() { is_whole_ = false; }

   private:
    ServedLibrary& library_;
    std::pair<std::uint64_t, std::uint64_t> file_;
    Stores store_;  ///< one
    bool is_whole_ = true;
  };

  /// Held while a picture of a page is made: one at a time, as each takes memory.
  Mutex& pictures() { return pictures_; }

  const std::vector<LibraryRoot>& roots() const { return options_.roots; }
  std::shared_ptr<void> lock_to_write() const { return options_.lock(); }
  std::unique_ptr<index::Store> open_to_write(const index::LibraryModel& model,
                                              const index::LearnModel& learn,
                                              const StopToken& stop) const {
    return options_.open_to_write(model, learn, stop);
  }

  const std::string& name() const { return options_.name; }
  bool is_served() const { return options_.open != nullptr; }

 private:
  /// Device and number of the file: another one has another library.
  std::pair<std::uint64_t, std::uint64_t> file_now() const;

  const ServedLibraryOptions options_;
  Mutex mutex_;
  ConditionVariable returned_;
  std::size_t lent_ OKO_GUARDED_BY(mutex_) = 0;
  Stores idle_ OKO_GUARDED_BY(mutex_);
  std::pair<std::uint64_t, std::uint64_t> idle_file_ OKO_GUARDED_BY(mutex_);
  Mutex pictures_;
};

}  // namespace oko::server
