#pragma once

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "base/stop_token.h"

extern char** environ;

namespace oko {

struct ProcessResult {
  int status = -1;  ///< of exit; -signal if a signal ended it
  std::string out;
  std::string err;
};

/// A started program whose output goes to pipes.
class Process {
 public:
  /// `environment`: "NAME=value" entries that replace those of the test. `input`: the file that is
  /// its standard input.
  Process(const std::vector<std::string>& command, const std::vector<std::string>& environment,
          const std::string& input = "/dev/null") {
    int out[2];
    int err[2];
    EXPECT_EQ(::pipe(out), 0);
    EXPECT_EQ(::pipe(err), 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, input.c_str(), 0, 0);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    ::posix_spawn_file_actions_adddup2(&actions, err[1], 2);
    for (const int fd : {out[0], out[1], err[0], err[1]}) {
      ::posix_spawn_file_actions_addclose(&actions, fd);
    }
    std::vector<std::string> variables = environment;
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string name = std::string(*entry).substr(0, std::string(*entry).find('=') + 1);
      const bool replaced = std::any_of(environment.begin(), environment.end(),
                                        [&](const auto& own) { return own.starts_with(name); });
      if (!replaced) variables.emplace_back(*entry);
    }
    const auto pointers = [](const std::vector<std::string>& strings) {
      std::vector<char*> result;
      result.reserve(strings.size() + 1);
      for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
      result.push_back(nullptr);
      return result;
    };
    EXPECT_EQ(::posix_spawn(&pid_, command[0].c_str(), &actions, nullptr, pointers(command).data(),
                            pointers(variables).data()),
              0)
        << command[0];
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    ::close(err[1]);
    readers_.emplace_back([this, fd = out[0]] { read_all(fd, result_.out, &printed_); });
    readers_.emplace_back([this, fd = err[0]] { read_all(fd, result_.err, nullptr); });
  }

  pid_t id() const { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }

  /// Call it before `wait`.
  bool is_running() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
  }

  /// Waits at most `seconds` until it has printed to stdout; returns false if it has not.
  bool wait_for_output(int seconds) const {
    for (int i = 0; i < seconds * 100 && printed_ == 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return printed_ > 0;
  }

  /// Processor time that it has used so far; zero if the system does not tell.
  std::chrono::nanoseconds processor_time() const {
#ifdef __linux__
    clockid_t clock;
    timespec time{};
    if (::clock_getcpuclockid(pid_, &clock) == 0) ::clock_gettime(clock, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
#else
    return {};
#endif
  }

  /// Waits until it has ended. Its processor time is available until `wait`.
  void wait_for_end() const {
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }

  ProcessResult wait() {
    readers_.clear();  // joins: both pipes are closed
    int status = 0;
    ::waitpid(pid_, &status, 0);
    result_.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return result_;
  }

 private:
  static void read_all(int fd, std::string& text, std::atomic<std::size_t>* count) {
    char buffer[4096];
    for (ssize_t got = ::read(fd, buffer, sizeof(buffer)); got > 0;
         got = ::read(fd, buffer, sizeof(buffer))) {
      text.append(buffer, static_cast<std::size_t>(got));
      if (count != nullptr) *count += static_cast<std::size_t>(got);
    }
    ::close(fd);
  }

  pid_t pid_ = -1;
  ProcessResult result_;
  std::atomic<std::size_t> printed_{0};  ///< bytes on stdout so far
  std::vector<JoiningThread> readers_;   // last: they write to the rest
};

}  // namespace oko
