#include "cli/line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string_view>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/system_reason.h"
#include "cli/path_completion.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "text/utf8.h"

namespace oko::cli {
namespace {

constexpr int kHistoryLines = 1000;

// A stop, a change of the terminal's size and the end of a Ctrl-Z wake the read that waits for a
// key.
int wake_pipe[2] = {-1, -1};
constexpr char kStop = 's';
constexpr char kResize = 'r';
constexpr char kContinue = 'c';

void wake(char reason) noexcept {
  const int before = errno;
  [[maybe_unused]] const ssize_t written = ::write(wake_pipe[1], &reason, 1);
  errno = before;
}

void note_signal(int number) {
  wake(number == SIGCONT ? kContinue : kResize);
}

/// Sets a UTF-8 locale: libedit writes characters in the encoding of the locale.
void use_utf8() {
  const auto is_utf8 = [] { return std::string_view(::nl_langinfo(CODESET)) == "UTF-8"; };
  std::setlocale(LC_CTYPE, "");
  for (const char* name : {"C.UTF-8", "UTF-8", "en_US.UTF-8"}) {
    if (is_utf8()) return;
    std::setlocale(LC_CTYPE, name);
  }
}

std::wstring wide(std::string_view text) {
  std::wstring result;
  for (std::size_t at = 0; at < text.size();) {
    const text::Utf8Step step = text::next_utf8(text, at);
    result += static_cast<wchar_t>(step.code_point);
    at += step.length;
  }
  return result;
}

std::string narrow(std::wstring_view text) {
  std::string result;
  for (const wchar_t c : text) text::append_utf8(result, static_cast<char32_t>(c));
  return result;
}

/// The next event that wakes the read; 0 if a key was pressed.
char next_event() {
  while (true) {
    std::array<pollfd, 2> waiting{{{STDIN_FILENO, POLLIN, 0}, {wake_pipe[0], POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return kStop;
    }
    char reason = 0;
    if (waiting[1].revents != 0 && ::read(wake_pipe[0], &reason, 1) == 1) return reason;
    if (waiting[0].revents != 0) return 0;
  }
}

/// Reads a typed character: returns 1, at the end 0, as libedit's own function.
int read_character(wchar_t* character) {
  std::string bytes;
  while (true) {
    char byte = 0;
    const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return 0;
    bytes += byte;
    while (!bytes.empty()) {
      const text::Utf8Step step = text::next_utf8(bytes, 0);
      if (step.kind == text::Utf8Step::Kind::kTruncated) break;
      if (step.kind == text::Utf8Step::Kind::kValid) {
        *character = static_cast<wchar_t>(step.code_point);
        return 1;
      }
      bytes.erase(0, step.length);  // a part of a character
    }
  }
}

/// Keys that libedit does not know: those of terminals, and Tab.
constexpr std::array<std::array<const wchar_t*, 2>, 12> kKeys{{
    {L"^I", L"oko-complete"},
    {L"\\e[3~", L"ed-delete-next-char"},
    {L"\\e[H", L"ed-move-to-beg"},
    {L"\\e[F", L"ed-move-to-end"},
    {L"\\eOH", L"ed-move-to-beg"},
    {L"\\eOF", L"ed-move-to-end"},
    {L"\\e[1~", L"ed-move-to-beg"},
    {L"\\e[4~", L"ed-move-to-end"},
    {L"\\e[1;5C", L"em-next-word"},
    {L"\\e[1;5D", L"ed-prev-word"},
    {L"^W", L"ed-delete-prev-word"},
    {L"^R", L"em-inc-search-prev"},
}};

/// Prints names in columns, on lines of their own.
void list(const std::vector<std::string>& names, std::size_t columns) {
  constexpr std::size_t kMost = 200;
  const std::size_t count = std::min(names.size(), kMost);
  std::size_t width = 1;
  for (std::size_t i = 0; i < count; ++i) width = std::max(width, wide(names[i]).size() + 2);
  const std::size_t in_row = std::max<std::size_t>(columns / width, 1);
  std::string text = "\n";
  for (std::size_t i = 0; i < count; ++i) {
    const bool ends_row = (i + 1) % in_row == 0 || i + 1 == count;
    text += names[i] + (ends_row ? "\n" : std::string(width - wide(names[i]).size(), ' '));
  }
  if (count < names.size()) {
    text += words("and {} more\n", "и ещё {}\n", names.size() - count);
  }
  print(text);
}

}  // namespace

struct LineEditor::State {
  std::wstring prompt;
  EditLine* editor = nullptr;
  HistoryW* history = nullptr;
  bool was_stopped = false;

  static State& of(EditLine* editor) {
    void* state = nullptr;
    ::el_wget(editor, EL_CLIENTDATA, &state);
    return *static_cast<State*>(state);
  }

  static wchar_t* prompt_of(EditLine* editor) { return of(editor).prompt.data(); }

  static int next_character(EditLine* editor, wchar_t* character) {
    while (const char event = next_event()) {
      if (event == kResize) {
        ::el_resize(editor);
        continue;
      }
      if (event == kContinue) {  // a shell has set the terminal up for itself
        ::el_wset(editor, EL_PREP_TERM, 0);
        ::el_wset(editor, EL_PREP_TERM, 1);
        ::el_wset(editor, EL_REFRESH);
        continue;
      }
      of(editor).was_stopped = true;
      return -1;
    }
    return read_character(character);
  }

  /// The Tab key. An exception must not reach libedit.
  static unsigned char complete(EditLine* editor, wint_t) noexcept try {
    const LineInfoW* line = ::el_wline(editor);
    const Completion completion = complete_path(
        narrow({line->buffer, static_cast<std::size_t>(line->cursor - line->buffer)}));
    const std::string added = completion.is_path ? completion.added : "\t";
    if (!added.empty()) {
      return ::el_winsertstr(editor, wide(added).c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    }
    if (completion.names.size() < 2) return CC_ERROR;
    winsize size{};
    const bool is_known = ::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    list(completion.names, is_known ? size.ws_col : 80);
    return CC_REDISPLAY;
  } catch (const std::exception&) {
    return CC_ERROR;
  }
};

LineEditor::LineEditor(const std::string& prompt, const std::vector<std::string>& history)
    : state_(std::make_unique<State>()) {
  use_utf8();
  State& state = *state_;
  state.prompt = wide(prompt);
  if (::pipe(wake_pipe) != 0) {
    const LocalizedText reason = system_reason(errno);
    throw Error(ErrorCode::kFailed, tr("the keyboard cannot be waited for: {}",
                                       "ждать клавиатуры не удаётся: {}", reason));
  }
  for (const int end : wake_pipe) ::fcntl(end, F_SETFL, O_NONBLOCK);
  state.editor = ::el_init("oko", stdin, stdout, stderr);
  state.history = ::history_winit();
  if (state.editor == nullptr || state.history == nullptr) {
    throw Error(ErrorCode::kFailed, tr("the terminal cannot be used for editing",
                                       "редактировать строку в этом терминале не удаётся"));
  }
  ::el_wset(state.editor, EL_CLIENTDATA, &state);
  ::el_wset(state.editor, EL_PROMPT, &State::prompt_of);
  ::el_wset(state.editor, EL_GETCFN, &State::next_character);
  ::el_wset(state.editor, EL_EDITOR, L"emacs");
  ::el_wset(state.editor, EL_ADDFN, L"oko-complete", L"Complete a path", &State::complete);
  for (const auto& [key, action] : kKeys) {
    ::el_wset(state.editor, EL_BIND, key, action, nullptr);
  }
  HistEventW event{};
  ::history_w(state.history, &event, H_SETSIZE, kHistoryLines);
  ::history_w(state.history, &event, H_SETUNIQUE, 1);
  ::el_wset(state.editor, EL_HIST, &::history_w, state.history);
  ::el_source(state.editor, nullptr);  // the user's own settings: ~/.editrc
  for (const std::string& line : history) remember(line);
  std::signal(SIGWINCH, note_signal);
  std::signal(SIGCONT, note_signal);
}

LineEditor::~LineEditor() {
  std::signal(SIGWINCH, SIG_DFL);
  std::signal(SIGCONT, SIG_DFL);
  ::el_end(state_->editor);
  ::history_wend(state_->history);
  for (int& end : wake_pipe) ::close(end);
}

TypedLine LineEditor::read(const StopToken& stop) {
  State& state = *state_;
  state.was_stopped = false;
  char old_event = 0;
  while (::read(wake_pipe[0], &old_event, 1) == 1) {
  }
  ::el_resize(state.editor);
  const StopCallback on_stop(stop, [] { wake(kStop); });
  int count = 0;
  const wchar_t* line = ::el_wgets(state.editor, &count);
  if (state.was_stopped) {
    const LineInfoW* left = ::el_wline(state.editor);
    return {TypedLine::Kind::kInterrupted,
            narrow({left->buffer, static_cast<std::size_t>(left->lastchar - left->buffer)})};
  }
  if (line == nullptr || count <= 0) return {TypedLine::Kind::kEnd};
  std::wstring_view text(line, static_cast<std::size_t>(count));
  while (!text.empty() && (text.back() == L'\n' || text.back() == L'\r')) text.remove_suffix(1);
  return {TypedLine::Kind::kLine, narrow(text)};
}

void LineEditor::remember(const std::string& line) {
  HistEventW event{};
  ::history_w(state_->history, &event, H_ENTER, wide(line).c_str());
}

}  // namespace oko::cli
