#pragma once

#include <string>
#include <string_view>

namespace oko::cli {

enum class ChatCommand { kNothing, kAsk, kImage, kOcr, kClear, kStats, kHelp, kQuit, kUnknown };

/// A line that a user of `oko chat` has typed.
struct ChatLine {
  ChatCommand command = ChatCommand::kNothing;
  /// The question, the path behind /image, the word behind /ocr, the name of an unknown command.
  /// The path has the bytes of the line, the others are UTF-8.
  std::string argument = {};
  std::string meant = {};     ///< the command most similar to an unknown one; empty: none
  bool is_plain_utf8 = true;  ///< the line, before it was repaired
};

/// Parses a line: one that begins with / is a command, one that begins with // is a question
/// without the first /. Drops space around both.
ChatLine parse_chat_line(std::string_view line);

/// The path behind /image: without quotes around it, with "\ " for a space, and with the home
/// folder for a ~ in front, as a shell reads it and as a terminal pastes a dropped file.
std::string chat_path(std::string_view text);

}  // namespace oko::cli
