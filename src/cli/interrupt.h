#pragma once

#include <chrono>
#include <optional>

#include "base/mutex.h"
#include "base/stop_token.h"

namespace oko::cli {

/// Status of a process that was asked to stop, as a shell reports it: 128 and the first signal that
/// an Interrupt has seen; that of kCancelled before one.
int stop_status();

/// Ends the process at once, without destructors: they would wait for work in a library that cannot
/// be stopped. Removes temporary files.
[[noreturn]] void end_at_once(int status);

/// The effect of Ctrl-C (SIGINT).
enum class CtrlC {
  kStops,      ///< everything, as the other signals
  kStopsTurn,  ///< only the turn that `Interrupt::begin_turn` began; kStops before the first
};

/// While it lives, Ctrl-C (SIGINT), SIGTERM and SIGHUP request a stop; a second one ends the
/// process at once, without its temporary files. SIGHUP stays ignored if it was (nohup).
class Interrupt {
 public:
  /// For work in libraries that do not check for a stop, such as the decoding of a picture: ends
  /// the process if it has not stopped this long after the request.
  static constexpr std::chrono::milliseconds kPatience{500};

  /// Without `patience` the work may take any time to clean up.
  explicit Interrupt(std::optional<std::chrono::milliseconds> patience = std::nullopt,
                     CtrlC ctrl_c = CtrlC::kStops);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  StopToken token() const { return source_.get_token(); }

  /// Begins a turn and returns its token, which stops with `token()` and by CtrlC::kStopsTurn. Call
  /// it after the turn before has ended. If one does not end within the patience, a note says so,
  /// and the next Ctrl-C is one of CtrlC::kStops.
  StopToken begin_turn();
  /// The token of the current turn.
  StopToken turn();

 private:
  void watch(std::optional<std::chrono::milliseconds> patience);
  /// Returns false if the turn was to stop longer than `patience` ago.
  bool stop_turn(std::chrono::milliseconds patience);

  StopSource source_;
  Mutex mutex_;
  CtrlC ctrl_c_ OKO_GUARDED_BY(mutex_);  ///< from the next turn on
  StopSource turn_ OKO_GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point turn_stopped_ OKO_GUARDED_BY(mutex_);
  JoiningThread watcher_;
};

}  // namespace oko::cli
