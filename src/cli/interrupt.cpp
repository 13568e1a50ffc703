#include "cli/interrupt.h"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>

#include "base/error.h"
#include "base/language.h"
#include "base/system_reason.h"
#include "base/temporary_file.h"
#include "cli/terminal.h"

namespace oko::cli {
namespace {

// A signal handler may do little: it writes a byte, and the watcher thread does the rest.
int signal_pipe[2] = {-1, -1};
std::atomic<int> signals_seen{0};
std::atomic<int> first_signal{0};
bool hangup_is_ignored = false;

constexpr int kShellBase = 128;  // a shell's status of a program is this and the signal
constexpr char kSignal = 's';
constexpr char kEnd = 'e';

void on_signal(int number) {
  const int before = signals_seen.fetch_add(1);
  if (before == 0) first_signal = number;
  // The watcher has not even ended the process for the second one.
  if (before > 1) ::_exit(kShellBase + number);
  const char byte = kSignal;
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe[1], &byte, 1);
}

/// What the pipe gives next; kEnd where it is broken, and kSignal after `milliseconds` (-1: never).
char next_byte(int milliseconds) {
  pollfd waiting{signal_pipe[0], POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, milliseconds);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return kSignal;
  char byte = kEnd;
  return ::read(signal_pipe[0], &byte, 1) == 1 ? byte : kEnd;
}

}  // namespace

int stop_status() {
  const int number = first_signal;
  return number == 0 ? exit_status(ErrorCode::kCancelled) : kShellBase + number;
}

Interrupt::Interrupt(std::optional<std::chrono::milliseconds> patience) {
  if (::pipe(signal_pipe) != 0) {
    const std::string reason = system_reason(errno);
    throw Error(ErrorCode::kFailed,
                tr("signals cannot be waited for: {}", "ждать сигналов не удаётся: {}", reason));
  }
  signals_seen = 0;
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
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe[1], &kEnd, 1);
  watcher_.join();
  ::close(signal_pipe[0]);
  ::close(signal_pipe[1]);
}

void Interrupt::watch(std::optional<std::chrono::milliseconds> patience) const {
  if (next_byte(-1) == kEnd) return;
  source_.request_stop();
  if (next_byte(patience ? static_cast<int>(patience->count()) : -1) == kEnd) return;
  say_last_note(tr("stopped", "остановлено"));
  remove_temporary_files();
  ::_exit(stop_status());
}

}  // namespace oko::cli
