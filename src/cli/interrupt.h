#pragma once

#include "base/stop_token.h"

namespace oko::cli {

/// While it lives, Ctrl-C (SIGINT) and SIGTERM request a stop; a second one ends the process at
/// once.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  StopToken token() const { return source_.get_token(); }

 private:
  StopSource source_;
  JoiningThread watcher_;
};

}  // namespace oko::cli
