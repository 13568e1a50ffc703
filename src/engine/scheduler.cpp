#include "engine/scheduler.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "tensor/device.h"

namespace oko::engine {
namespace {

/// Errors pass through; other exceptions become kFailed. Throws if there is no memory left to
/// say so.
void run_command(const std::function<void()>& command) {
  try {
    command();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    const std::string reason = error.what();
    throw Error(ErrorCode::kFailed,
                tr("the model could not be run: {}", "модель не удалось выполнить: {}", reason));
  }
}

std::exception_ptr error_of(const std::function<void()>& command) {
  try {
    run_command(command);
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

}  // namespace

/// Lives in the caller's `run`, which returns only after it is done or withdrawn.
struct Scheduler::Command {
  const std::function<void()>& run;
  bool is_done = false;
  std::exception_ptr error = nullptr;
};

Scheduler::Scheduler(std::size_t threads) {
  tensor::device();  // throws for an unusable setting on the caller's thread
  thread_ =
      JoiningThread([this, threads](const StopToken& stop) { model_thread_loop(stop, threads); });
}

Scheduler::~Scheduler() = default;

void Scheduler::model_thread_loop(const StopToken& stop, std::size_t threads) {
  tensor::prepare_device({.threads = threads});
  const MutexLock lock(mutex_);
  const auto has_work = [this]() OKO_REQUIRES(mutex_) {
    return !commands_.empty() || !sources_.empty();
  };
  while (wake_.wait(mutex_, stop, has_work)) {
    if (!commands_.empty()) run_next_command();
    for (std::size_t i = sources_.size(); i > 0 && !sources_.empty(); --i) take_next_step();
  }
}

void Scheduler::run_next_command() {
  Command& command = *commands_.front();
  commands_.pop_front();
  std::exception_ptr error;
  {
    const MutexUnlock unlocked(mutex_);
    error = error_of(command.run);
    // Even if other work waits: as soon as the caller continues, it may end the reservation of its
    // command, or of the memory that the command has evicted.
    tensor::trim_memory();
  }
  command.error = std::move(error);
  command.is_done = true;
  done_.notify_all();
}

void Scheduler::take_next_step() {
  StepSource& source = *sources_.front();
  running_ = &source;
  sources_.pop_front();
  is_woken_ = is_forgotten_ = false;
  bool has_more = false;
  {
    const MutexUnlock unlocked(mutex_);
    has_more = source.step();
  }
  if ((has_more || is_woken_) && !is_forgotten_) sources_.push_back(running_);
  running_ = nullptr;
  done_.notify_all();
}

void Scheduler::run(const std::function<void()>& run, const StopToken& stop) {
  Command command{run};
  const MutexLock lock(mutex_);
  commands_.push_back(&command);
  wake_.notify_one();
  if (!done_.wait(mutex_, stop, [&] { return command.is_done; })) {
    if (std::erase(commands_, &command) > 0) throw_cancelled();
    done_.wait(mutex_, [&] { return command.is_done; });  // the command checks its stop itself
  }
  if (command.error) std::rethrow_exception(command.error);
}

void Scheduler::wake(StepSource& source) {
  const MutexLock lock(mutex_);
  if (running_ == &source) {
    is_woken_ = true;
  } else if (std::find(sources_.begin(), sources_.end(), &source) == sources_.end()) {
    sources_.push_back(&source);
    wake_.notify_one();
  }
}

void Scheduler::forget(StepSource& source) {
  const MutexLock lock(mutex_);
  std::erase(sources_, &source);
  if (running_ == &source) is_forgotten_ = true;
  done_.wait(mutex_, [&]() OKO_REQUIRES(mutex_) { return running_ != &source; });
}

}  // namespace oko::engine
