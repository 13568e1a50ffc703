#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/stop_token.h"
#include "base/temporary_file.h"

namespace oko::cli {

/// Waits until `file` can be read without waiting: a signal does not end `read`. Throws kCancelled.
void wait_for_input(int file, const StopToken& stop);

/// Standard input as one of the files of a command line, where it is called "-": pictures and PDF
/// are read more than once, so it is kept in a temporary file.
class StandardInput {
 public:
  static constexpr std::uint64_t kMaxBytes = 1'000'000'000;

  /// Reads it if one of `files` is "-". Throws kFailed, kTooLarge if it is longer than
  /// kMaxBytes, kCancelled.
  StandardInput(const std::vector<std::string>& files, const StopToken& stop);

  /// `files` as they can be opened.
  const std::vector<std::string>& paths() const { return paths_; }

  /// A path of `paths` as the user named it.
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
