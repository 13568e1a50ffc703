#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "base/stop_token.h"

namespace oko::cli {

/// Status of a process that was asked to stop, as a shell reports it: 128 and the first signal that
/// an Interrupt has seen; that of kCancelled before one.
int stop_status();

/// What Ctrl-C (SIGINT) stops.
enum class CtrlC {
  kStops,      ///< everything, as the other signals
  kStopsTurn,  ///< what has begun with `Interrupt::begin_turn`, and nothing else
};

/// While it lives, Ctrl-C (SIGINT), SIGTERM and SIGHUP request a stop; a second one ends the
/// process at once, without its temporary files. SIGHUP stays ignored where it was (nohup).
class Interrupt {
 public:
  /// For work inside of libraries that look for no stop, such as the decoding of a picture: a
  /// process that has not stopped in that time after the request is ended.
  static constexpr std::chrono::milliseconds kPatience{500};

  /// Without `patience` the work has all the time that it takes to clean up.
  explicit Interrupt(std::optional<std::chrono::milliseconds> patience = std::nullopt,
                     CtrlC ctrl_c = CtrlC::kStops);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  StopToken token() const { return source_.get_token(); }

  /// Of what begins now: stopped with `token()`, and by CtrlC::kStopsTurn. The turn before it has
  /// ended.
  StopToken begin_turn();
  /// Of what `begin_turn` has begun.
  StopToken turn();

 private:
  void watch(std::optional<std::chrono::milliseconds> patience);
  void stop_turn();

  StopSource source_;
  std::mutex mutex_;
  StopSource turn_;  ///< with `mutex_`
  JoiningThread watcher_;
};

}  // namespace oko::cli
