#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/localized_text.h"
#include "base/mutex.h"
#include "decoding/channel.h"
#include "decoding/helper.h"
#include "decoding/platform.h"
#include "decoding/process_watch.h"

namespace oko::decoding {

struct HelperOptions {
  std::filesystem::path program;  ///< one whose `main` calls `run_helper` for these arguments
  std::vector<std::string> arguments{kHelperArgument};
  unsigned cpu_seconds = 60;           ///< of the processor, for one call
  std::chrono::seconds patience{300};  ///< for one call, by the clock
};

/// Why a helper gave no answer; its work is lost, and it is gone.
struct HelperEnded {
  LocalizedText reason;
};

/// A process that decodes for this one. One thread at a time, except `kill`.
class HelperProcess {
 public:
  /// Starts it, without waiting for it. Throws kFailed.
  explicit HelperProcess(const HelperOptions& options);
  /// Ends it at once.
  ~HelperProcess();
  HelperProcess(const HelperProcess&) = delete;
  HelperProcess& operator=(const HelperProcess&) = delete;

  /// False if it has ended by itself.
  bool is_running() const;
  pid_t id() const { return id_; }

  /// The answer to a call, which may take `more_bytes` of memory besides what an idle helper has.
  /// Throws HelperEnded.
  std::string ask(std::string_view call, std::uint64_t more_bytes, int descriptor = -1);
  /// The pixels that follow an answer. Throws HelperEnded.
  void receive(std::span<std::uint8_t> pixels);

  /// What it has confined itself to, once it is ready. Throws HelperEnded.
  Confinement confinement();

  /// Ends it, so that waiting for an answer ends, too. Any thread.
  void kill();

 private:
  void wait_until_ready();
  Channel::Clock::time_point deadline() const { return Channel::Clock::now() + options_.patience; }
  /// Throws unless it is kDone.
  void require(Channel::Result result);
  void limit_call(std::uint64_t more_bytes);
  LocalizedText reason_of_end();
  void wait_for_end();

  HelperOptions options_;
  pid_t id_ = -1;
  std::unique_ptr<Channel> channel_;
  std::optional<Confinement> confinement_;  ///< of a helper that is ready
  ProcessBytes idle_bytes_;
  mutable Mutex mutex_;
  bool has_ended_ OKO_GUARDED_BY(mutex_) = false;  ///< and its id may be that of another process
  int status_ OKO_GUARDED_BY(mutex_) = 0;
  std::optional<ProcessWatch> watch_;  // last: it calls `kill`
};

}  // namespace oko::decoding
