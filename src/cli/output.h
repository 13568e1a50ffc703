#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/temporary_file.h"

namespace oko::cli {

/// A link in place of the output.
enum class Link {
  kStays,       ///< the file that it names is written, as a shell's > does
  kIsReplaced,  ///< of a folder of outputs, where a link may lead anywhere
};

/// The destination of a command's result: standard output, or a file that appears when complete.
class Output {
 public:
  /// `file`: empty: standard output. Throws kFailed if it cannot be written, kUsage if it is
  /// one of `inputs`, which would be lost.
  Output(const std::string& file, const std::vector<std::string>& inputs, Link link = Link::kStays);

  /// Throws kFailed.
  void print(std::string_view text);

  /// Gives the file its name, over an existing one. Without this call there is no file. Throws
  /// kFailed.
  void finish();

 private:
  std::filesystem::path path_;
  std::optional<TemporaryFile> file_;
};

}  // namespace oko::cli
