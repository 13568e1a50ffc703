#include "hub/parallel_blocks.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <vector>

#include "base/core_count.h"
#include "base/error.h"

namespace oko::hub {

void for_each_block(std::size_t count, std::size_t threads, const StopToken& stop,
                    const std::function<void(std::size_t)>& run) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < count; i = next++) {
        throw_if_stopped(stop);
        run(i);
      }
    } catch (...) {
      next = count;
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  threads = std::min(threads != 0 ? threads : physical_core_count(), count);
  {
    std::vector<JoiningThread> pool;
    pool.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) pool.emplace_back(work);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace oko::hub
