#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/stop_token.h"
#include "base/temporary_file.h"

namespace oko::cli {

/// Waits until `read` of `file` would not block, because a signal does not end it. Throws
/// kCancelled.
void wait_for_input(int file, const StopToken& stop);

/// Standard input as one of the files of a command line, called "-". It is kept in a temporary
/// file, because pictures and PDF are read more than once.
class StandardInput {
 public:
  static constexpr std::uint64_t kMaxBytes = 1'000'000'000;

  /// Reads it if one of `files` is "-". Throws kFailed, kTooLarge if it is longer than
  /// kMaxBytes, kCancelled.
  StandardInput(const std::vector<std::string>& files, const StopToken& stop);

  /// `files` with the temporary file for "-".
  const std::vector<std::string>& paths() const { return paths_; }

  /// The user's name of a path in `paths`.
  std::string name_of(const std::string& path) const;

  /// `text` with "-" for the path of the temporary file: for messages.
  LocalizedText named(const LocalizedText& text) const;

  /// The same for an error.
  Error named(const Error& error) const;

 private:
  void read(const StopToken& stop);

  std::vector<std::string> paths_;
  std::unique_ptr<TemporaryFile> file_;
};

}  // namespace oko::cli
