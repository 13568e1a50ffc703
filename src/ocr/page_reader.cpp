#include "ocr/page_reader.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/language.h"

namespace oko::ocr {
namespace {

/// The pictures that are being read, and those that wait to be handed over.
class Queue {
 public:
  Queue(std::size_t count, std::size_t ahead) : count_(count), ahead_(ahead) {}

  /// The next picture to read, once it is not too far ahead; none when all are taken.
  std::optional<std::size_t> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ || next_ == count_ || next_ < handed_over_ + ahead_; });
    if (ended_ || next_ == count_) return std::nullopt;
    return next_++;
  }

  void put(std::size_t index, ReadResult result) {
    const std::lock_guard lock(mutex_);
    results_.emplace(index, std::move(result));
    changed_.notify_all();
  }

  /// The result of the next picture in order.
  ReadResult wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return results_.contains(handed_over_); });
    ReadResult result = std::move(results_.extract(handed_over_).mapped());
    ++handed_over_;
    changed_.notify_all();
    return result;
  }

  /// Nothing is taken any more.
  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_, ahead_;
  std::size_t next_ = 0, handed_over_ = 0;
  bool ended_ = false;
  std::map<std::size_t, ReadResult> results_;
};

ReadResult read_one(Engine& engine, const std::function<image::Image(std::size_t)>& load,
                    std::size_t index, const std::stop_token& stop) {
  try {
    return {engine.read(load(index), stop), std::nullopt};
  } catch (const Error& error) {
    return {{}, error};
  } catch (const std::exception& error) {
    const std::string reason = error.what();
    return {{},
            Error(ErrorCode::kFailed, tr("the picture could not be read: {}",
                                         "картинку не удалось прочитать: {}", reason))};
  }
}

}  // namespace

void read_pages(std::size_t count, const Options& options, std::size_t threads,
                const std::function<image::Image(std::size_t)>& load,
                const std::function<void(std::size_t, ReadResult)>& on_result,
                std::stop_token stop) {
  threads = std::clamp<std::size_t>(threads, 1, std::max<std::size_t>(1, count));
  std::vector<std::unique_ptr<Engine>> engines;
  for (std::size_t i = 0; i < threads; ++i) engines.push_back(make_engine(options));
  Queue queue(count, 2 * threads);
  std::vector<std::jthread> workers;
  struct Ender {  // however we leave, the workers must not wait for room
    Queue& queue;
    ~Ender() { queue.end(); }
  };
  const Ender ender{queue};
  for (std::size_t i = 0; i < threads; ++i) {
    workers.emplace_back([&, engine = engines[i].get()] {
      while (const auto index = queue.take())
        queue.put(*index, read_one(*engine, load, *index, stop));
    });
  }
  for (std::size_t i = 0; i < count; ++i) {
    ReadResult result = queue.wait();
    if (result.error && result.error->code() == ErrorCode::kCancelled) throw *result.error;
    on_result(i, std::move(result));
  }
}

}  // namespace oko::ocr
