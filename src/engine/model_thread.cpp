#include "engine/model_thread.h"

#include <future>
#include <memory>

#include "base/error.h"
#include "base/language.h"
#include "tensor/device.h"

namespace oko::engine {
namespace {

/// What a job's arrays took does not stay with the process between jobs.
struct SpareMemory {
  ~SpareMemory() { tensor::release_spare_memory(); }
};

}  // namespace

ModelThread::ModelThread(std::size_t threads)
    : thread_([this, threads](std::stop_token stop) { work(std::move(stop), threads); }) {}

ModelThread::~ModelThread() = default;

void ModelThread::work(std::stop_token stop, std::size_t threads) {
  tensor::prepare_device({.threads = threads});
  while (true) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !jobs_.empty(); })) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

void ModelThread::run(const std::function<void()>& job) {
  // Shared: the caller may be gone before the thread has left the task.
  const auto task = std::make_shared<std::packaged_task<void()>>([&job] {
    const SpareMemory released_at_the_end;
    try {
      job();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      const std::string reason = error.what();
      throw Error(ErrorCode::kFailed,
                  tr("the model could not be run: {}", "модель не удалось выполнить: {}", reason));
    }
  });
  std::future<void> done = task->get_future();
  {
    const std::lock_guard lock(mutex_);
    jobs_.emplace_back([task] { (*task)(); });
  }
  wake_.notify_one();
  done.get();
}

}  // namespace oko::engine
