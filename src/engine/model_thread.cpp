#include "engine/model_thread.h"

#include <exception>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/language.h"
#include "tensor/device.h"

namespace oko::engine {
namespace {

/// What a job's arrays took does not stay with the process between jobs.
struct SpareMemory {
  ~SpareMemory() { tensor::release_spare_memory(); }
};

/// Errors pass through; other exceptions become kFailed. Throws where there is no memory left to
/// say so.
void run_job(const std::function<void()>& job) {
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
}

std::exception_ptr error_of(const std::function<void()>& job) {
  try {
    run_job(job);
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

}  // namespace

/// Lives in the caller's `run`, which does not leave before it is done or taken back.
struct ModelThread::Task {
  const std::function<void()>& job;
  bool is_done = false;
  std::exception_ptr error = nullptr;
};

ModelThread::ModelThread(std::size_t threads) {
  tensor::device();  // a setting that cannot be met is the caller's error
  thread_ = JoiningThread([this, threads](const StopToken& stop) { work(stop, threads); });
}

ModelThread::~ModelThread() = default;

void ModelThread::work(const StopToken& stop, std::size_t threads) {
  tensor::prepare_device({.threads = threads});
  std::unique_lock lock(mutex_);
  while (wake_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    Task& task = *waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    std::exception_ptr error = error_of(task.job);
    lock.lock();
    task.error = std::move(error);
    task.is_done = true;
    done_.notify_all();
  }
}

void ModelThread::run(const std::function<void()>& job, const StopToken& stop) {
  Task task{job};
  std::unique_lock lock(mutex_);
  waiting_.push_back(&task);
  wake_.notify_one();
  if (!done_.wait(lock, stop, [&] { return task.is_done; })) {
    if (std::erase(waiting_, &task) > 0) throw_cancelled();
    done_.wait(lock, [&] { return task.is_done; });  // the job sees to its stop itself
  }
  if (task.error) std::rethrow_exception(task.error);
}

}  // namespace oko::engine
