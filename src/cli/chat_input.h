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

/// The source of the lines of a chat: a terminal whose lines can be edited, one that cannot draw
/// or whose output goes elsewhere, or a pipe or file, each line as it comes.
class ChatInput {
 public:
  /// For the Interrupt of the process: Ctrl-C at a terminal stops a turn only.
  static CtrlC ctrl_c();

  /// `interrupt` must outlive it. `history`: for lines that can be edited.
  ChatInput(Interrupt& interrupt, ChatHistory history);

  bool is_terminal() const { return is_terminal_; }

  /// Waits for a line, with which a turn of `interrupt` begins. Throws kCancelled once everything
  /// is to stop, and as LineReader.
  TypedLine next();

 private:
  TypedLine edited();
  TypedLine typed();
  TypedLine piped();

  Interrupt& interrupt_;
  ChatHistory history_;
  bool is_terminal_;
  std::unique_ptr<LineEditor> editor_;
  std::optional<LineReader> reader_;  ///< of other inputs than terminals
  std::deque<std::string> lines_;     ///< read by it
};

}  // namespace oko::cli
