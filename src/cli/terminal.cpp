#include "cli/terminal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/system_reason.h"
#include "base/text_escape.h"
#include "cli/screen.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

bool sigpipe_was_ignored = false;
bool reader_has_gone = false;  // of stdout
std::atomic<bool> bar_is_drawn{false};
std::atomic<bool> line_is_open{false};  // on a terminal that shows both streams

// A bar begins at the cursor, behind text that may be on its line already: it saves the position
// (DECSC) and turns wrapping off while it draws.
constexpr std::string_view kSavePlace = "\0337";
constexpr std::string_view kRestorePlace = "\0338";
constexpr std::string_view kErase = "\0338\033[K";

bool is_pipe(int file) {
  struct stat info {};
  return ::fstat(file, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode));
}

/// Prints `front` and a text on a line of its own.
void say_after(std::string_view front, const LocalizedText& text) noexcept {
  try {
    const std::string_view erased = bar_is_drawn.exchange(false) ? kErase : "";
    const std::string_view ended = line_is_open.exchange(false) ? "\n" : "";
    say(fmt::format("{}{}{} {}\n", erased, ended, front, one_line(shown(text))));
  } catch (const std::exception&) {  // no memory for a copy
    say(text.kept(user_language()));
  }
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool can_draw() {
  const char* terminal = std::getenv("TERM");
  const std::string_view kind = terminal != nullptr ? terminal : "";
  return ::isatty(STDERR_FILENO) == 1 && !is_pipe(STDOUT_FILENO) && !kind.empty() && kind != "dumb";
}

}  // namespace

int write_all(int file, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {  // another program set O_NONBLOCK
      pollfd ready{file, POLLOUT, 0};
      if (::poll(&ready, 1, -1) < 0 && errno != EINTR) return errno;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

std::string bar_text(const std::string& label, double done, const std::string& detail,
                     std::size_t columns, const std::string& brief) {
  constexpr std::size_t kWidest = 30, kNarrowest = 10;
  const int percent = static_cast<int>(std::clamp(done, 0.0, 1.0) * 100);
  const std::string end = fmt::format("  {} %", percent);
  const std::size_t fixed = columns_of(label) + std::string_view("  []  100 %").size();
  const std::size_t room = columns > fixed ? columns - fixed - 1 : 0;  // none in the last column
  const auto fits = [&](const std::string& each) {
    return !each.empty() && room >= kNarrowest + columns_of(each) + 2;
  };
  if (!fits(detail) && !fits(brief) && !brief.empty() &&
      columns_of(label + end + brief) + 2 < columns) {
    return label + end + "  " + brief;
  }
  const std::string after = fits(detail) ? "  " + detail : fits(brief) ? "  " + brief : "";
  const std::size_t width = std::min(kWidest, room - columns_of(after));
  std::string text = label;
  if (width >= kNarrowest) {
    const std::size_t filled = width * static_cast<std::size_t>(percent) / 100;
    text += "  [" + std::string(filled, '#') + std::string(width - filled, '.') + "]";
  }
  return text + end + after;
}

void secure_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is the stream's: all lower ones are open by now.
    static_cast<void>(::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
  std::signal(SIGXFSZ, SIG_IGN);
  sigpipe_was_ignored = std::signal(SIGPIPE, SIG_IGN) == SIG_IGN;
}

void say(std::string_view text) noexcept {
  static_cast<void>(write_all(STDERR_FILENO, text));
}

void say_note(const LocalizedText& text) noexcept {
  say_after("oko:", text);
}

void say_error(const LocalizedText& text) noexcept {
  say_after(has_colour(STDERR_FILENO) ? "\033[1;31moko:\033[0m" : "oko:", text);
}

void say_hint(const LocalizedText& text) noexcept {
  if (text.empty()) return;
  try {
    const bool is_coloured = has_colour(STDERR_FILENO);
    say(fmt::format("{}{}:{} {}\n", is_coloured ? "\033[36m" : "", words("hint", "подсказка"),
                    is_coloured ? "\033[0m" : "", one_line(shown(text))));
  } catch (const std::exception&) {  // no memory for a copy
    say(text.kept(user_language()));
  }
}

void say_last_note(const LocalizedText& text) noexcept {
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&ready, 1, 0) > 0) say_note(text);
}

ProgressBar::ProgressBar(std::string label, bool quiet)
    : label_(std::move(label)), shown_(!quiet && can_draw()) {}

ProgressBar::~ProgressBar() {
  clear();
}

void ProgressBar::update(double done, const std::string& detail, const std::string& brief) {
  const std::string text =
      bar_text(label_, done, detail, width_of(STDERR_FILENO).value_or(80), brief);
  if (!shown_ || text == drawn_) return;
  drawn_ = text;
  // An earlier detail may have been longer.
  const std::string_view place = bar_is_drawn.exchange(true) ? kRestorePlace : kSavePlace;
  say(fmt::format("{}\033[?7l{}\033[K\033[?7h", place, drawn_));
}

void ProgressBar::clear() {
  if (drawn_.empty()) return;
  if (bar_is_drawn.exchange(false)) say(kErase);
  drawn_.clear();
}

void print(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  static const bool is_shown = ::isatty(STDOUT_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
  if (is_shown && !text.empty()) line_is_open = text.back() != '\n';
  if (error == 0) return;
  reader_has_gone = error == EPIPE;
  const LocalizedText reason = system_reason(error);
  throw Error(
      ErrorCode::kFailed,
      tr("standard output cannot be written: {}", "стандартный вывод не записывается: {}", reason),
      error == ENOSPC || error == EDQUOT
          ? tr("free some space on the disk", "освободите место на диске")
          : tr("was it closed by the program that started oko, or that reads from it?",
               "не закрыла ли его программа, которая запустила oko или читает его вывод?"));
}

void end_as_broken_pipe() {
  if (!reader_has_gone || sigpipe_was_ignored) return;
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
}

}  // namespace oko::cli
