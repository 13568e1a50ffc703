#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace oko::cli {

/// The lines that were typed in earlier chats: a file that only its owner can read. A history that
/// cannot be read or written counts as empty and never stops a chat.
class ChatHistory {
 public:
  static constexpr std::size_t kMaxLines = 1000;

  /// Reads the last kMaxLines of the file, and cuts a much longer file to them. Empty path: reads
  /// and writes nothing.
  explicit ChatHistory(std::filesystem::path file);

  const std::vector<std::string>& lines() const { return lines_; }

  /// Writes a line at the end, unless it is empty or equals the last one.
  void add(std::string_view line);

 private:
  void load();
  void shorten() const;

  std::filesystem::path file_;
  std::vector<std::string> lines_;
};

}  // namespace oko::cli
