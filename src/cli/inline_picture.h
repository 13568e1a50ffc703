#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace oko::cli {

/// How a terminal shows pictures between its lines.
enum class PictureProtocol {
  kNone,
  kKitty,  ///< kitty's graphics protocol: kitty, Ghostty, Konsole since 22.04
  kITerm,  ///< iTerm2's inline images: iTerm2, WezTerm, VS Code
};

/// The value of a variable of the environment; empty if it is not set.
using Variable = std::function<std::string_view(const char* name)>;
std::string_view environment_variable(const char* name);

/// What a terminal is known for, by its environment alone: it is not asked, so it cannot fail to
/// answer. None in tmux, screen and Zellij, which keep the environment of the terminal around them
/// and do not pass pictures on.
PictureProtocol picture_protocol(const Variable& variable);

/// True if the terminal is known to show a hyperlink (OSC 8), or to ignore it.
bool has_links(const Variable& variable);

/// The sizes of a terminal's pictures in pixels.
struct PictureRoom {
  int max_width = 0;   ///< 80 columns, or what there is beside the indent
  int max_height = 0;  ///< 10 lines
  int cell_width = 1;
};
/// Of the terminal on `file`; a guess where it does not tell its pixels.
PictureRoom picture_room(int file);

/// A PNG file, `columns` wide, as the terminal takes it. Asks for no answer.
std::string picture_escape(PictureProtocol protocol, std::string_view png, std::size_t columns);

/// `text` as a link to a file of this machine. `path`: absolute, any bytes; `text` must be safe to
/// show.
std::string link_to_file(std::string_view path, std::string_view text);

}  // namespace oko::cli
