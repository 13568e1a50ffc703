#pragma once

#include <string>
#include <string_view>

namespace oko::cli {

/// One line on stderr that is drawn over: "label  [#####.....]  50 %". Nothing where stderr is no
/// terminal, or quiet is asked.
class ProgressBar {
 public:
  ProgressBar(std::string label, bool quiet);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(double done);  ///< 0..1
  void clear();

 private:
  std::string label_;
  bool shown_;
  int drawn_percent_ = -1;
};

/// `text` without the control characters that could drive the terminal (escape sequences and the
/// like); line breaks and tabs stay. For text of a model or a file that goes to a terminal.
std::string printable(std::string_view text);

/// Prints to stdout at once. Throws kFailed where it cannot be written (a full disk; a closed pipe
/// ends us).
void print(std::string_view text);

}  // namespace oko::cli
