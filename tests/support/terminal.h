#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace oko {

/// A program on a terminal of its own, with a person at the keyboard.
class Terminal {
 public:
  /// False in a container without /dev/pts.
  static bool is_available() {
    const int far = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (far >= 0) ::close(far);
    return far >= 0;
  }

  /// `environment`: "NAME=value" entries that replace those of the test.
  Terminal(const std::vector<std::string>& command, const std::vector<std::string>& environment,
           unsigned short columns = 100) {
    far_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_EQ(::grantpt(far_), 0);
    EXPECT_EQ(::unlockpt(far_), 0);
    const std::string name = ::ptsname(far_);
    winsize size{};
    size.ws_row = 40;
    size.ws_col = columns;
    std::vector<std::string> line{"/usr/bin/env"};
    line.insert(line.end(), environment.begin(), environment.end());
    line.insert(line.end(), command.begin(), command.end());
    std::vector<char*> arguments;
    for (std::string& each : line) arguments.push_back(each.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::setsid();
    const int near = ::open(name.c_str(), O_RDWR);
    ::ioctl(near, TIOCSCTTY, 0);
    ::ioctl(near, TIOCSWINSZ, &size);
    for (const int stream : {0, 1, 2}) ::dup2(near, stream);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ~Terminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(far_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(const std::string& keys) const {
    EXPECT_EQ(::write(far_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }

  /// Waits until `text` is shown, after the text of the call before.
  ::testing::AssertionResult shows(const std::string& text, int seconds = 30) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (true) {
      const std::size_t found = shown_.find(text, seen_);
      if (found != std::string::npos) {
        seen_ = found + text.size();
        return ::testing::AssertionSuccess();
      }
      if (std::chrono::steady_clock::now() >= end || !read_more()) break;
    }
    return ::testing::AssertionFailure() << "\"" << text << "\" is not shown: " << shown_;
  }

  /// Waits until anything is shown.
  ::testing::AssertionResult shows_something(int seconds = 30) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (shown_.empty() && std::chrono::steady_clock::now() < end && read_more()) {
    }
    if (!shown_.empty()) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "nothing is shown";
  }

  /// Waits until `text` is shown and the program reads keys one by one, without echo.
  ::testing::AssertionResult prompts(const std::string& text) {
    const ::testing::AssertionResult shown = shows(text);
    if (!shown) return shown;
    for (int i = 0; i < 3000; ++i) {
      termios mode{};
      ::tcgetattr(far_, &mode);
      if ((mode.c_lflag & ICANON) == 0) return ::testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return ::testing::AssertionFailure() << "no keys are read: " << shown_;
  }

  void signal(int number) const { ::kill(pid_, number); }

  /// Waits for its end; kills it after `seconds`. Returns the status of exit, or -signal.
  int wait(int seconds = 30) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (std::chrono::steady_clock::now() < end && read_more()) {
    }
    if (std::chrono::steady_clock::now() >= end) ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  const std::string& shown() const { return shown_; }

  /// The screen of a program that draws only progress bars: lines, each with a line break. Counts
  /// columns in characters.
  std::string screen() const {
    std::vector<std::vector<std::string>> lines(1);
    std::size_t column = 0, saved = 0;
    for (std::size_t i = 0; i < shown_.size(); ++i) {
      const auto follows = [&](std::string_view text) {
        if (shown_.compare(i, text.size(), text) != 0) return false;
        i += text.size() - 1;
        return true;
      };
      if (follows("\033[?7l") || follows("\033[?7h")) continue;
      if (follows("\033[1;31m") || follows("\033[36m") || follows("\033[0m")) continue;
      if (follows("\033[K")) {
        lines.back().resize(std::min(lines.back().size(), column));
      } else if (follows("\0337")) {
        saved = column;
      } else if (follows("\0338")) {
        column = saved;
      } else if (shown_[i] == '\r') {
        column = 0;
      } else if (shown_[i] == '\n') {
        lines.emplace_back();
      } else if ((shown_[i] & 0xC0) == 0x80) {
        lines.back().at(column - 1) += shown_[i];
      } else {
        if (lines.back().size() <= column) lines.back().resize(column + 1, " ");
        lines.back()[column++] = shown_[i];
      }
    }
    std::string text;
    for (const auto& line : lines) {
      for (const std::string& character : line) text += character;
      text += '\n';
    }
    return text;
  }

 private:
  /// False if the program has ended.
  bool read_more() {
    pollfd waiting{far_, POLLIN, 0};
    if (::poll(&waiting, 1, 1000) == 0) return true;
    char buffer[4096];
    const ssize_t count = ::read(far_, buffer, sizeof(buffer));
    if (count > 0) shown_.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  }

  int far_ = -1;
  pid_t pid_ = -1;
  std::string shown_;
  std::size_t seen_ = 0;
};

}  // namespace oko
