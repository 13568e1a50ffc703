#pragma once

#include <chrono>
#include <optional>

#include "base/stop_token.h"

namespace oko::cli {

/// Status of a process that was asked to stop, as a shell reports it: 128 and the first signal that
/// an Interrupt has seen; that of kCancelled before one.
int stop_status();

/// While it lives, Ctrl-C (SIGINT), SIGTERM and SIGHUP request a stop; a second one ends the
/// process at once, without its temporary files. SIGHUP stays ignored where it was (nohup).
class Interrupt {
 public:
  /// For work inside of libraries that look for no stop, such as the decoding of a picture: a
  /// process that has not stopped in that time after the request is ended.
  static constexpr std::chrono::milliseconds kPatience{500};

  /// Without `patience` the work has all the time that it takes to clean up.
  explicit Interrupt(std::optional<std::chrono::milliseconds> patience = std::nullopt);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  StopToken token() const { return source_.get_token(); }

 private:
  void watch(std::optional<std::chrono::milliseconds> patience) const;

  StopSource source_;
  JoiningThread watcher_;
};

}  // namespace oko::cli
