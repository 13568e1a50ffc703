#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace oko::decoding {

/// One end of a pair of sockets: messages of a known length, and bytes whose number both ends know.
/// One thread at a time.
class Channel {
 public:
  using Clock = std::chrono::steady_clock;

  enum class Result {
    kDone,
    kClosed,  ///< the other end is gone, or sent more than `most` bytes
    kLate,    ///< not done until the deadline
  };

  explicit Channel(int socket) : socket_(socket) {}
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// `descriptor`: an open file that the other end gets, too; -1: none.
  Result send(std::string_view message, Clock::time_point until = Clock::time_point::max(),
              int descriptor = -1) const;
  /// A message of at most `most` bytes; `descriptor`: the file that came with it, which the caller
  /// closes, or -1.
  Result receive(std::string& message, std::uint64_t most, int& descriptor,
                 Clock::time_point until = Clock::time_point::max()) const;

  Result send_bytes(std::span<const std::uint8_t> bytes,
                    Clock::time_point until = Clock::time_point::max()) const;
  /// Fills `bytes`.
  Result receive_bytes(std::span<std::uint8_t> bytes,
                       Clock::time_point until = Clock::time_point::max()) const;

 private:
  Result wait_for(short events, Clock::time_point until) const;

  int socket_;
};

}  // namespace oko::decoding
