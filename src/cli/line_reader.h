#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/localized_text.h"
#include "base/stop_token.h"

namespace oko::cli {

/// The longest line that is read.
struct LineLimit {
  std::size_t bytes = 0;
  LocalizedText hint;  ///< for a longer one
};

/// Of texts, one on each line.
LineLimit limit_of_texts();
/// More than any model reads. To tokenize it takes 31 times its bytes.
LineLimit limit_of_questions();

/// Reads lines of a file descriptor as they come, so that a program that writes one line and waits
/// for the answer gets it. Drops a byte order mark before the first line.
class LineReader {
 public:
  LineReader(int file, StopToken stop, LineLimit limit)
      : file_(file), stop_(std::move(stop)), limit_(std::move(limit)) {}

  /// Waits for at least one line, and returns all available ones without their ends ("\n" or
  /// "\r\n"); nothing at the end of the file. Throws kFailed if it cannot be read, kTooLarge for a
  /// line over the limit, kCancelled.
  std::optional<std::vector<std::string>> next();

 private:
  bool fill();
  std::vector<std::string> take_lines(bool finished);

  int file_;
  StopToken stop_;
  LineLimit limit_;
  std::string buffer_;
  std::size_t searched_ = 0;  ///< bytes of the buffer without the end of a line
  std::size_t line_ = 0;      ///< lines returned so far
};

}  // namespace oko::cli
