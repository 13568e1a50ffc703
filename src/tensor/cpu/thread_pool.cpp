#include "tensor/cpu/thread_pool.h"

#include <hwy/cache_control.h>

#include <algorithm>

#include "base/core_count.h"

namespace oko::tensor::cpu {
namespace {

constexpr int kSpins = 1000;  // of a pause each, some 50 ns

/// Spins for a moment. True if `condition` came true.
template <typename Condition>
bool spin_until(Condition condition) {
  for (int i = 0; i < kSpins; ++i) {
    if (condition()) return true;
    hwy::Pause();
  }
  return false;
}

std::atomic<std::size_t> wanted_threads{0};

}  // namespace

ThreadPool::ThreadPool(std::size_t threads) {
  for (std::size_t i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::parallel_for(std::size_t count, const std::function<void(std::size_t)>& task) {
  if (count == 0) return;
  if (count == 1 || workers_.empty()) {
    for (std::size_t i = 0; i < count; ++i) task(i);
    return;
  }
  const std::lock_guard caller(caller_);
  {
    const std::lock_guard lock(mutex_);
    task_ = &task;
    count_ = count;
    next_ = 0;
    busy_ = workers_.size();
    ++generation_;
  }
  wake_.notify_all();
  drain(task, count);
  const auto all_done = [this] { return busy_ == 0; };
  if (spin_until(all_done)) return;
  std::unique_lock lock(mutex_);
  done_.wait(lock, all_done);
}

void ThreadPool::parallel_ranges(std::size_t count, std::size_t size,
                                 const std::function<void(std::size_t, std::size_t)>& task) {
  parallel_for((count + size - 1) / size,
               [&](std::size_t range) { task(range * size, std::min(count, (range + 1) * size)); });
}

void ThreadPool::parallel_runs(std::size_t count, std::size_t smallest,
                               const std::function<void(std::size_t, std::size_t)>& task) {
  // Every round shares out half of what is left.
  std::vector<std::size_t> bounds{0};
  while (bounds.back() < count) {
    const std::size_t run = std::max(smallest, (count - bounds.back()) / (2 * size()));
    for (std::size_t i = 0; i < size() && bounds.back() < count; ++i) {
      bounds.push_back(std::min(count, bounds.back() + run));
    }
  }
  parallel_for(bounds.size() - 1, [&](std::size_t i) { task(bounds[i], bounds[i + 1]); });
}

void ThreadPool::drain(const std::function<void(std::size_t)>& task, std::size_t count) {
  for (std::size_t i = next_.fetch_add(1); i < count; i = next_.fetch_add(1)) task(i);
}

void ThreadPool::await_job(std::size_t seen) {
  const auto called = [&] { return stop_ || generation_ != seen; };
  if (spin_until(called)) return;
  std::unique_lock lock(mutex_);
  wake_.wait(lock, called);
}

void ThreadPool::work() {
  std::size_t seen = 0;
  while (true) {
    await_job(seen);
    if (stop_) return;
    seen = generation_;
    drain(*task_, count_);
    if (--busy_ == 0) {
      // Under the lock, so that it cannot come between a caller's look and its sleep.
      const std::lock_guard lock(mutex_);
      done_.notify_one();
    }
  }
}

void set_thread_count(std::size_t threads) {
  wanted_threads = threads;
}

ThreadPool& thread_pool() {
  static ThreadPool pool(wanted_threads != 0 ? wanted_threads.load() : physical_core_count());
  return pool;
}

}  // namespace oko::tensor::cpu
