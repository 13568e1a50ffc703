// Must not compile: as std::jthread.
#include <stop_token>

bool stopped(const std::stop_token& stop) {
  return stop.stop_requested();
}
