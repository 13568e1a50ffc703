#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/stop_token.h"

namespace oko::cli {

/// Reads lines of a file descriptor as they come, so that a program that writes one line and waits
/// for the answer gets it. Drops a byte order mark before the first line.
class LineReader {
 public:
  static constexpr std::size_t kMaxLineBytes = 32'000'000;
  /// Of a question: more than any model reads. To tokenize it takes 31 times its bytes.
  static constexpr std::size_t kMaxQuestionBytes = 4'000'000;

  LineReader(int file, StopToken stop, std::size_t max_line_bytes = kMaxLineBytes)
      : file_(file), stop_(std::move(stop)), max_line_bytes_(max_line_bytes) {}

  /// Waits for at least one line, and returns all available ones without their ends ("\n" or
  /// "\r\n"); nothing at the end of the file. Throws kFailed if it cannot be read, kTooLarge for a
  /// line of more than that many bytes, kCancelled.
  std::optional<std::vector<std::string>> next();

 private:
  bool fill();
  std::vector<std::string> take_lines(bool finished);

  int file_;
  StopToken stop_;
  std::size_t max_line_bytes_;
  std::string buffer_;
  std::size_t searched_ = 0;  ///< bytes of the buffer without the end of a line
  std::size_t line_ = 0;      ///< lines returned so far
};

}  // namespace oko::cli
