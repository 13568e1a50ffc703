#include "cli/chat_input.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/terminal.h"

namespace oko::cli {
namespace {

constexpr const char* kPrompt = "> ";

bool can_edit() {
  const char* variable = std::getenv("TERM");
  const std::string_view kind = variable != nullptr ? variable : "";
  return ::isatty(STDOUT_FILENO) == 1 && !kind.empty() && kind != "dumb";
}

}  // namespace

CtrlC ChatInput::ctrl_c() {
  return ::isatty(STDIN_FILENO) == 1 ? CtrlC::kStopsTurn : CtrlC::kStops;
}

ChatInput::ChatInput(Interrupt& interrupt, ChatHistory history)
    : interrupt_(interrupt),
      history_(std::move(history)),
      is_terminal_(::isatty(STDIN_FILENO) == 1) {
  if (!is_terminal_) {
    reader_.emplace(STDIN_FILENO, interrupt.token(), limit_of_questions());
  } else if (can_edit()) {
    editor_ = std::make_unique<LineEditor>(kPrompt, history_.lines());
  }
}

TypedLine ChatInput::next() {
  interrupt_.begin_turn();
  TypedLine line = editor_ != nullptr ? edited() : is_terminal_ ? typed() : piped();
  throw_if_stopped(interrupt_.token());
  return line;
}

TypedLine ChatInput::edited() {
  TypedLine line = editor_->read(interrupt_.turn());
  if (line.kind == TypedLine::Kind::kLine && !line.text.empty()) {
    editor_->remember(line.text);
    history_.add(line.text);
  }
  return line;
}

/// Reads a line from a terminal in its line mode, which gives whole lines, one at a time.
TypedLine ChatInput::typed() {
  say(kPrompt);
  try {
    LineReader reader(STDIN_FILENO, interrupt_.turn(), limit_of_questions());
    const std::optional<std::vector<std::string>> lines = reader.next();
    if (!lines) return {TypedLine::Kind::kEnd};
    return {TypedLine::Kind::kLine, lines->front()};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCancelled) throw;
    return {TypedLine::Kind::kInterrupted};
  }
}

TypedLine ChatInput::piped() {
  if (lines_.empty()) {
    std::optional<std::vector<std::string>> lines = reader_->next();
    if (!lines) return {TypedLine::Kind::kEnd};
    lines_.assign(lines->begin(), lines->end());
  }
  TypedLine line{TypedLine::Kind::kLine, std::move(lines_.front())};
  lines_.pop_front();
  return line;
}

}  // namespace oko::cli
