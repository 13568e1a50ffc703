#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "cli/chat_history.h"
#include "cli/interrupt.h"
#include "cli/line_editor.h"
#include "cli/line_reader.h"

namespace oko::cli {

/// The source of the lines of a chat: a terminal with line editing, a terminal that cannot draw or
/// whose output goes elsewhere, or a pipe or file, each line as it comes.
class ChatInput {
 public:
  /// The effect of Ctrl-C for the Interrupt of the process: at a terminal it stops a turn only.
  static CtrlC ctrl_c();

  /// `interrupt` must outlive it. `history`: for lines that can be edited.
  ChatInput(Interrupt& interrupt, ChatHistory history);

  bool is_terminal() const { return is_terminal_; }

  /// Waits for a line, with which a turn of `interrupt` begins. Throws kCancelled once a stop of
  /// everything is requested, and as LineReader.
  TypedLine next();

 private:
  TypedLine edited();
  TypedLine typed();
  TypedLine piped();

  Interrupt& interrupt_;
  ChatHistory history_;
  bool is_terminal_;
  std::unique_ptr<LineEditor> editor_;
  std::optional<LineReader> reader_;  ///< of inputs other than terminals
  std::deque<std::string> lines_;     ///< from `reader_`
};

}  // namespace oko::cli
