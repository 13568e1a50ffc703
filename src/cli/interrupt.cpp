#include "cli/interrupt.h"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "base/error.h"
#include "base/language.h"
#include "base/temporary_file.h"
#include "cli/terminal.h"

namespace oko::cli {
namespace {

// A signal handler may do little: it writes a byte, and the watcher thread does the rest.
int signal_pipe[2] = {-1, -1};
std::atomic<int> signals_seen{0};
bool hangup_is_ignored = false;

constexpr char kSignal = 's';
constexpr char kEnd = 'e';

void on_signal(int) {
  if (signals_seen.fetch_add(1) > 0) ::_exit(exit_status(ErrorCode::kCancelled));
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

Interrupt::Interrupt(std::optional<std::chrono::milliseconds> patience) {
  if (::pipe(signal_pipe) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
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
  ::_exit(exit_status(ErrorCode::kCancelled));
}

}  // namespace oko::cli
