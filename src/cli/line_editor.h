#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/stop_token.h"

namespace oko::cli {

/// The result of a prompt.
struct TypedLine {
  enum class Kind {
    kLine,
    kInterrupted,  ///< a stop was requested; `text` is the unfinished line
    kEnd,          ///< Ctrl-D, or the terminal has gone
  };
  Kind kind = Kind::kEnd;
  std::string text = {};
};

/// Reads lines from a terminal with editing and history, by libedit. Tab completes a path behind
/// /image. UTF-8 in any locale. One object at a time.
class LineEditor {
 public:
  /// `history`: the lines to recall, oldest first.
  LineEditor(const std::string& prompt, const std::vector<std::string>& history);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// Waits for a line; `stop` ends the wait. Restores the terminal before it returns.
  TypedLine read(const StopToken& stop);

  /// Adds a line to the history.
  void remember(const std::string& line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace oko::cli
