#include "cli/inline_picture.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "base/base64.h"

namespace oko::cli {
namespace {

constexpr std::string_view kEndOfString = "\033\\";

bool is_in_multiplexer(const Variable& variable) {
  const std::string_view terminal = variable("TERM");
  return terminal.starts_with("screen") || terminal.starts_with("tmux") ||
         !variable("TMUX").empty() || !variable("STY").empty() || !variable("ZELLIJ").empty();
}

bool can_address_the_screen(std::string_view terminal) {
  return !terminal.empty() && terminal != "dumb" && terminal != "linux";
}

int number_of(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The characters of a URI that stand for themselves (RFC 3986, "unreserved"), and "/".
std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool is_digit = c >= '0' && c <= '9';
    if (is_letter || is_digit || std::string_view("/-._~").find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

/// The file in pieces of 4096 bytes, the first with the picture's properties. C: the cursor goes on
/// behind the picture; q=2: no answer.
std::string kitty_escape(std::string_view png, std::size_t columns) {
  constexpr std::size_t kPiece = 4096;
  const std::string data = base64_of(png);
  std::string text;
  for (std::size_t at = 0; at < data.size(); at += kPiece) {
    const bool is_last = at + kPiece >= data.size();
    const std::string keys = at == 0 ? fmt::format("a=T,f=100,q=2,c={},", columns) : "";
    text += fmt::format("\033_G{}m={};{}{}", keys, is_last ? 0 : 1, data.substr(at, kPiece),
                        kEndOfString);
  }
  return text;
}

std::string iterm_escape(std::string_view png, std::size_t columns) {
  return fmt::format(
      "\033]1337;File=inline=1;size={};width={};height=auto;preserveAspectRatio=1:{}\a", png.size(),
      columns, base64_of(png));
}

}  // namespace

std::string_view environment_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

PictureProtocol picture_protocol(const Variable& variable) {
  const std::string_view terminal = variable("TERM"), program = variable("TERM_PROGRAM");
  if (!can_address_the_screen(terminal) || is_in_multiplexer(variable)) {
    return PictureProtocol::kNone;
  }
  // Programs inherit the variables of a terminal from which they were started, so the one that most
  // terminals set comes first.
  if (program == "iTerm.app" || program == "WezTerm" || program == "vscode") {
    return PictureProtocol::kITerm;
  }
  if (program == "ghostty") return PictureProtocol::kKitty;
  if (!program.empty()) return PictureProtocol::kNone;
  if (terminal == "xterm-kitty" || terminal == "xterm-ghostty") return PictureProtocol::kKitty;
  constexpr int kFirstKonsole = 220'400;
  if (number_of(variable("KONSOLE_VERSION")) >= kFirstKonsole) return PictureProtocol::kKitty;
  if (variable("LC_TERMINAL") == "iTerm2") return PictureProtocol::kITerm;  // over ssh
  const bool is_another = !variable("VTE_VERSION").empty() || !variable("XTERM_VERSION").empty();
  const bool is_kitty = !variable("KITTY_WINDOW_ID").empty() && !is_another;
  return is_kitty ? PictureProtocol::kKitty : PictureProtocol::kNone;
}

bool has_links(const Variable& variable) {
  if (picture_protocol(variable) != PictureProtocol::kNone) return true;
  if (!can_address_the_screen(variable("TERM")) || is_in_multiplexer(variable)) return false;
  constexpr int kFirstVte = 5'000;
  return number_of(variable("VTE_VERSION")) >= kFirstVte;
}

PictureRoom picture_room(int file) {
  constexpr int kColumns = 80, kLines = 10, kIndent = 4;
  constexpr int kCellWidth = 9, kCellHeight = 20;
  winsize size{};
  static_cast<void>(::ioctl(file, TIOCGWINSZ, &size));
  const int columns = size.ws_col > 0 ? size.ws_col : kColumns;
  const bool tells = size.ws_col > 0 && size.ws_row > 0 && size.ws_xpixel >= size.ws_col &&
                     size.ws_ypixel >= size.ws_row;
  PictureRoom room;
  room.cell_width = tells ? size.ws_xpixel / size.ws_col : kCellWidth;
  const int cell_height = tells ? size.ws_ypixel / size.ws_row : kCellHeight;
  room.max_width = room.cell_width * std::clamp(columns - kIndent, 1, kColumns);
  room.max_height = cell_height * kLines;
  return room;
}

std::string picture_escape(PictureProtocol protocol, std::string_view png, std::size_t columns) {
  switch (protocol) {
    case PictureProtocol::kKitty:
      return kitty_escape(png, columns);
    case PictureProtocol::kITerm:
      return iterm_escape(png, columns);
    case PictureProtocol::kNone:
      break;
  }
  return {};
}

std::string link_to_file(std::string_view path, std::string_view text) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return fmt::format("\033]8;;file://{}{}{}{}\033]8;;{}", percent_encoded(host.data()),
                     percent_encoded(path), kEndOfString, text, kEndOfString);
}

}  // namespace oko::cli
