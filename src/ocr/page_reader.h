#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "base/stop_token.h"
#include "budget/reservation.h"
#include "document/loaded_page.h"
#include "ocr/engine.h"

namespace oko::ocr {

/// The result of one page.
struct ReadResult {
  document::Page page;
  std::optional<Error> error;  ///< the page could not be loaded or read: `page` is empty
};

/// Engines of several threads, made when a picture needs them and kept for further ones.
class EnginePool {
 public:
  EnginePool(Options options, std::size_t size) : options_(std::move(options)), size_(size) {}

  std::size_t size() const { return size_; }
  /// Makes those of `threads` at once, which is not done while another page is read. Throws as
  /// make_engine. Any thread.
  Engine& of_thread(std::size_t thread, std::size_t threads);

 private:
  const Options options_;
  const std::size_t size_;
  Mutex mutex_;  // not std::call_once: ThreadSanitizer's never ends after an exception
  std::vector<std::unique_ptr<Engine>> engines_ OKO_GUARDED_BY(mutex_);
};

/// Reads load(0) .. load(count - 1), up to `threads` of them at once, each thread with its own
/// engine, and hands the results over in order, on the calling thread. At most twice as many pages
/// as threads are loaded or wait. Makes no engine before the first picture. An error of one page
/// does not end the others; errors of making an engine and kCancelled leave as oko::Error. `admit`
/// reserves the memory of a page, on the thread that will load it, and holds it until the page is
/// read; may be empty.
void read_pages(std::size_t count, const Options& options, std::size_t threads,
                const std::function<document::LoadedPage(std::size_t)>& load,
                const std::function<void(std::size_t, ReadResult)>& on_result, StopToken stop,
                const std::function<budget::Reservation(std::size_t)>& admit = {});
/// The same with engines that are kept, a thread for each.
void read_pages(std::size_t count, EnginePool& engines,
                const std::function<document::LoadedPage(std::size_t)>& load,
                const std::function<void(std::size_t, ReadResult)>& on_result, StopToken stop,
                const std::function<budget::Reservation(std::size_t)>& admit = {});

}  // namespace oko::ocr
