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

/// Reads lines from a terminal, which can be edited and recalled: libedit. UTF-8 in any
/// locale. One lives at a time.
class LineEditor {
 public:
  /// `history`: the lines to recall, oldest first.
  LineEditor(const std::string& prompt, const std::vector<std::string>& history);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// While it waits, `stop` ends it. The terminal is as it was before when it returns.
  TypedLine read(const StopToken& stop);

  /// Adds a line to those to recall.
  void remember(const std::string& line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace oko::cli
