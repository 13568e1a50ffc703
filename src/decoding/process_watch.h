#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

#include "base/mutex.h"
#include "base/stop_token.h"

namespace oko::decoding {

/// What a process may use, all its past included.
struct ProcessLimits {
  std::uint64_t footprint = UINT64_MAX;  ///< bytes of memory, as ProcessBytes::footprint
  double processor_seconds = 0;
};

/// Looks at a process every few milliseconds, and ends it if it uses more than it may: the net of
/// systems that have no limits for other processes, and a second one of the others. Between two
/// looks a process can take some 100 MB. Any thread may call.
class ProcessWatch {
 public:
  enum class Excess { kNone, kMemory, kTime };

  /// `end` ends the process, which must not be waited for while this watches.
  ProcessWatch(pid_t process, std::function<void()> end);

  /// From now on.
  void set(const ProcessLimits& limits);
  /// Watches no more.
  void stop();
  /// Why it ended the process.
  Excess excess() const;

 private:
  void watch(const StopToken& stop);

  const pid_t process_;
  const std::function<void()> end_;
  mutable Mutex mutex_;
  ConditionVariable stopped_;
  ProcessLimits limits_ OKO_GUARDED_BY(mutex_);
  Excess excess_ OKO_GUARDED_BY(mutex_) = Excess::kNone;
  Mutex thread_mutex_;
  JoiningThread thread_ OKO_GUARDED_BY(thread_mutex_);
};

}  // namespace oko::decoding
