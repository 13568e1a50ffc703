#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/localized_text.h"

namespace oko::cli {

/// Makes the standard streams safe to use; call it first. Opens a stream that the caller has
/// closed, so that its use fails: otherwise the next file would get its number, and messages would
/// go into that file. Ignores SIGPIPE and SIGXFSZ: stderr without a reader, or at its size limit,
/// must not end the work; see `print` and `end_as_broken_pipe` for stdout.
void secure_standard_streams();

/// Writes all of `text`; returns the system's error, or 0.
int write_all(int file, std::string_view text) noexcept;

/// Prints to stderr at once. A message that cannot be printed is lost: it never stops the work.
void say(std::string_view text) noexcept;

/// Prints "oko: TEXT" on a line of its own, without control characters. On a terminal it ends the
/// line that `print` has begun.
void say_note(const LocalizedText& text) noexcept;

/// `say_note` for an error: "oko:" is red where the terminal has colour.
void say_error(const LocalizedText& text) noexcept;

/// Prints "hint: TEXT" in the same way; nothing if `text` is empty.
void say_hint(const LocalizedText& text) noexcept;

/// Like `say_note`, but only if stderr takes it at once: a process that must end does not wait for
/// a reader.
void say_last_note(const LocalizedText& text) noexcept;

/// The text of a progress bar in `columns`. Where not all fits, the bar is shorter, then `brief`
/// stands for `detail`, then there is no bar, then no `brief`.
std::string bar_text(const std::string& label, double done, const std::string& detail,
                     std::size_t columns, const std::string& brief = "");

/// Draws "label  [#####.....]  50 %  detail" on the rest of a line of stderr. Clear it before you
/// print anything. Draws nothing if stderr is no terminal or cannot draw (TERM=dumb), if stdout is
/// a pipe to a program that may print to the same terminal, or with --quiet.
class ProgressBar {
 public:
  ProgressBar(std::string label, bool quiet);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `done` is 0..1; `brief` is for a narrow terminal.
  void update(double done, const std::string& detail = "", const std::string& brief = "");
  void clear();

 private:
  std::string label_;
  bool shown_;
  std::string drawn_;  ///< empty: nothing
};

/// Prints to stdout at once. Throws kFailed if it cannot be written (a full disk, a closed
/// pipe).
void print(std::string_view text);

/// Ends the process by SIGPIPE, as a program without `secure_standard_streams`, if the reader of
/// stdout has gone. Returns otherwise, and if the caller had SIGPIPE ignored.
void end_as_broken_pipe();

}  // namespace oko::cli
