#include "cli/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <system_error>

namespace oko::cli {
namespace {

// A signal handler may do little: it writes a byte, and the watcher thread does the rest.
int signal_pipe[2] = {-1, -1};
std::atomic<int> signals_seen{0};

constexpr char kSignal = 's';
constexpr char kEnd = 'e';
constexpr int kInterruptedStatus = 130;

void on_signal(int) {
  if (signals_seen.fetch_add(1) > 0) ::_exit(kInterruptedStatus);
  const char byte = kSignal;
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe[1], &byte, 1);
}

}  // namespace

Interrupt::Interrupt() {
  if (::pipe(signal_pipe) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  signals_seen = 0;
  watcher_ = JoiningThread([this] {
    char byte = 0;
    while (::read(signal_pipe[0], &byte, 1) == 1 && byte != kEnd) source_.request_stop();
  });
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

Interrupt::~Interrupt() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe[1], &kEnd, 1);
  watcher_.join();
  ::close(signal_pipe[0]);
  ::close(signal_pipe[1]);
}

}  // namespace oko::cli
