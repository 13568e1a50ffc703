#include "ocr/page_reader.h"

#include <algorithm>
#include <exception>
#include <map>
#include <new>
#include <utility>
#include <vector>

#include "base/localized_text.h"
#include "base/mutex.h"
#include "budget/address_space.h"

namespace oko::ocr {
namespace {

struct Outcome {
  ReadResult result;
  std::exception_ptr failure;  ///< ends all pages, not only this one
};

/// The pages that are being read, and those that wait to be handed over.
class Queue {
 public:
  Queue(std::size_t count, std::size_t ahead) : count_(count), ahead_(ahead) {}

  /// The next page to read; waits while it is too far ahead. None when all are taken.
  std::optional<std::size_t> take() {
    const MutexLock lock(mutex_);
    changed_.wait(mutex_, [this]() OKO_REQUIRES(mutex_) {
      return ended_ || next_ == count_ || next_ < handed_over_ + ahead_;
    });
    if (ended_ || next_ == count_) return std::nullopt;
    return next_++;
  }

  void put(std::size_t index, Outcome outcome) {
    const MutexLock lock(mutex_);
    outcomes_.emplace(index, std::move(outcome));
    changed_.notify_all();
  }

  /// The result of the next page in order.
  Outcome wait() {
    const MutexLock lock(mutex_);
    changed_.wait(mutex_,
                  [this]() OKO_REQUIRES(mutex_) { return outcomes_.contains(handed_over_); });
    Outcome outcome = std::move(outcomes_.extract(handed_over_).mapped());
    ++handed_over_;
    changed_.notify_all();
    return outcome;
  }

  /// Stops handing out pages.
  void end() {
    const MutexLock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

 private:
  std::size_t count_, ahead_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::size_t next_ OKO_GUARDED_BY(mutex_) = 0;
  std::size_t handed_over_ OKO_GUARDED_BY(mutex_) = 0;
  bool ended_ OKO_GUARDED_BY(mutex_) = false;
  std::map<std::size_t, Outcome> outcomes_ OKO_GUARDED_BY(mutex_);
};

Outcome failed(Error error) {
  return {{{}, std::move(error)}, nullptr};
}

Outcome read_one(const std::function<Engine&()>& engine_of_thread,
                 const std::function<budget::Reservation(std::size_t)>& admit,
                 const std::function<document::LoadedPage(std::size_t)>& load, std::size_t index,
                 const StopToken& stop) {
  try {
    throw_if_stopped(stop);
    const budget::Reservation reservation = admit ? admit(index) : budget::Reservation();
    document::LoadedPage loaded = load(index);
    if (document::Page* page = std::get_if<document::Page>(&loaded.content)) {
      return {{std::move(*page), std::nullopt}, nullptr};
    }
    Engine* engine = nullptr;
    try {
      engine = &engine_of_thread();
    } catch (...) {
      return {{}, std::current_exception()};
    }
    document::Page page = engine->read(std::move(std::get<image::Image>(loaded.content)), stop);
    if (loaded.complete) page = loaded.complete(std::move(page));
    return {{std::move(page), std::nullopt}, nullptr};
  } catch (const Error& error) {
    return failed(error);
  } catch (const std::bad_alloc&) {
    return failed(budget::refused_by_system());
  } catch (const std::exception& error) {
    const std::string reason = error.what();
    return failed(Error(ErrorCode::kFailed, tr("the page could not be read: {}",
                                               "страницу не удалось прочитать: {}", reason)));
  }
}

}  // namespace

Engine& EnginePool::of_thread(std::size_t thread, std::size_t threads) {
  const MutexLock lock(mutex_);
  while (engines_.size() < threads) engines_.push_back(make_engine(options_));
  return *engines_[thread];
}

void read_pages(std::size_t count, const Options& options, std::size_t threads,
                const std::function<document::LoadedPage(std::size_t)>& load,
                const std::function<void(std::size_t, ReadResult)>& on_result, StopToken stop,
                const std::function<budget::Reservation(std::size_t)>& admit) {
  EnginePool engines(options, std::clamp<std::size_t>(threads, 1, std::max<std::size_t>(1, count)));
  read_pages(count, engines, load, on_result, std::move(stop), admit);
}

void read_pages(std::size_t count, EnginePool& engines,
                const std::function<document::LoadedPage(std::size_t)>& load,
                const std::function<void(std::size_t, ReadResult)>& on_result, StopToken stop,
                const std::function<budget::Reservation(std::size_t)>& admit) {
  const std::size_t threads = std::min(engines.size(), std::max<std::size_t>(1, count));
  Queue queue(count, 2 * threads);
  std::vector<JoiningThread> workers;
  struct Ender {  // on every exit path: the workers must not wait for room
    Queue& queue;
    ~Ender() { queue.end(); }
  };
  const Ender ender{queue};
  workers.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] {
      const auto engine = [&]() -> Engine& { return engines.of_thread(i, threads); };
      while (const auto index = queue.take())
        queue.put(*index, read_one(engine, admit, load, *index, stop));
    });
  }
  for (std::size_t i = 0; i < count; ++i) {
    Outcome outcome = queue.wait();
    if (outcome.failure) std::rethrow_exception(outcome.failure);
    ReadResult& result = outcome.result;
    if (result.error && result.error->code() == ErrorCode::kCancelled) throw *result.error;
    on_result(i, std::move(result));
  }
}

}  // namespace oko::ocr
