#include "decoding/process_watch.h"

#include <chrono>
#include <utility>

#include "decoding/platform.h"

namespace oko::decoding {

ProcessWatch::ProcessWatch(pid_t process, std::function<void()> end)
    : process_(process), end_(std::move(end)) {}

void ProcessWatch::set(const ProcessLimits& limits) {
  {
    const MutexLock lock(mutex_);
    limits_ = limits;
  }
  const MutexLock lock(thread_mutex_);
  if (thread_.joinable()) return;
  thread_ = JoiningThread([this](const StopToken& stop) { watch(stop); });
}

void ProcessWatch::stop() {
  const MutexLock lock(thread_mutex_);
  thread_ = JoiningThread();
}

ProcessWatch::Excess ProcessWatch::excess() const {
  const MutexLock lock(mutex_);
  return excess_;
}

void ProcessWatch::watch(const StopToken& stop) {
  constexpr std::chrono::milliseconds kPause{20};
  const MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    if (bytes_of(process_).footprint > limits_.footprint) excess_ = Excess::kMemory;
    if (processor_seconds_of(process_) > limits_.processor_seconds) excess_ = Excess::kTime;
    if (excess_ != Excess::kNone) {
      end_();
      return;
    }
    stopped_.wait_for(mutex_, stop, kPause, [] { return false; });
  }
}

}  // namespace oko::decoding
