#pragma once

#include <stop_token>
#include <thread>

namespace oko::cli {

/// While it lives, Ctrl-C (SIGINT) and SIGTERM request a stop; a second one ends the process at
/// once.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread watcher_;
};

}  // namespace oko::cli
