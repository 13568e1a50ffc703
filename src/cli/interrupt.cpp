#include "cli/interrupt.h"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/system_reason.h"
#include "base/temporary_file.h"
#include "cli/terminal.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

// A signal handler may do little: it writes a byte, and the watcher thread does the rest.
int signal_pipe[2] = {-1, -1};
std::atomic<int> signals_seen{0};
std::atomic<int> first_signal{0};
std::atomic<bool> ctrl_c_stops_turn{false};
bool hangup_is_ignored = false;

constexpr int kShellBase = 128;  // a shell's status of a program is this and the signal
constexpr char kSignal = 's';
constexpr char kTurn = 't';
constexpr char kEnd = 'e';
constexpr char kTimeout = 'w';

void send(char byte) {
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe[1], &byte, 1);
}

void on_signal(int number) {
  if (number == SIGINT && ctrl_c_stops_turn) return send(kTurn);
  const int before = signals_seen.fetch_add(1);
  if (before == 0) first_signal = number;
  // A third signal: the watcher has not even ended the process for the second one.
  if (before > 1) {
    unlink_temporary_files();
    ::_exit(kShellBase + number);
  }
  send(kSignal);
}

/// The next byte of the pipe; kEnd if it is broken, and kTimeout after `milliseconds` (-1: never).
char next_byte(int milliseconds) {
  pollfd waiting{signal_pipe[0], POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, milliseconds);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return kTimeout;
  char byte = kEnd;
  return ::read(signal_pipe[0], &byte, 1) == 1 ? byte : kEnd;
}

}  // namespace

int stop_status() {
  const int number = first_signal;
  return number == 0 ? exit_status(ErrorCode::kCancelled) : kShellBase + number;
}

void end_at_once(int status) {
  remove_temporary_files();
  ::_exit(status);
}

Interrupt::Interrupt(std::optional<std::chrono::milliseconds> patience, CtrlC ctrl_c)
    : ctrl_c_(ctrl_c) {
  if (::pipe(signal_pipe) != 0) {
    const LocalizedText reason = system_reason(errno);
    throw Error(ErrorCode::kFailed,
                tr("signals cannot be waited for: {}", "ждать сигналов не удаётся: {}", reason));
  }
  signals_seen = 0;
  ctrl_c_stops_turn = false;
  watcher_ = JoiningThread([this, patience] { watch(patience); });
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  hangup_is_ignored = std::signal(SIGHUP, on_signal) == SIG_IGN;
  if (hangup_is_ignored) std::signal(SIGHUP, SIG_IGN);
}

Interrupt::~Interrupt() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  if (!hangup_is_ignored) std::signal(SIGHUP, SIG_DFL);
  send(kEnd);
  watcher_.join();
  ::close(signal_pipe[0]);
  ::close(signal_pipe[1]);
}

StopToken Interrupt::begin_turn() {
  const MutexLock lock(mutex_);
  turn_ = StopSource();
  if (source_.stop_requested()) {
    turn_.request_stop();
  } else if (std::exchange(ctrl_c_, CtrlC::kStops) == CtrlC::kStopsTurn) {
    ctrl_c_stops_turn = true;  // once: `watch` ends it
  }
  return turn_.get_token();
}

StopToken Interrupt::turn() {
  const MutexLock lock(mutex_);
  return turn_.get_token();
}

bool Interrupt::stop_turn(std::chrono::milliseconds patience) {
  StopSource turn;
  {
    const MutexLock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (!turn_.stop_requested()) turn_stopped_ = now;
    if (now - turn_stopped_ > patience) return false;
    turn = turn_;
  }
  turn.request_stop();
  return true;
}

void Interrupt::watch(std::optional<std::chrono::milliseconds> patience) {
  const int wait = patience ? static_cast<int>(patience->count()) : -1;
  char byte = next_byte(-1);
  while (byte == kTurn || byte == kTimeout) {
    if (byte == kTurn) {
      if (!stop_turn(patience.value_or(kPatience))) {
        first_signal = SIGINT;
        ++signals_seen;
        ctrl_c_stops_turn = false;
        break;
      }
      byte = next_byte(wait);
      continue;
    }
    if (turn().stop_requested()) {
      say_last_note(words("still stopping; Ctrl-C again ends oko",
                          "ещё останавливается; нажмите Ctrl-C ещё раз, чтобы закончить"));
    }
    byte = next_byte(-1);
  }
  if (byte == kEnd) return;
  source_.request_stop();
  stop_turn(std::chrono::hours(24));
  if (next_byte(wait) == kEnd) return;
  say_last_note(words("stopped", "остановлено"));
  end_at_once(stop_status());
}

}  // namespace oko::cli
