#include "cli/ask.h"

#include <unistd.h>

#include <optional>
#include <string_view>

#include "base/lower_case.h"
#include "base/text_escape.h"
#include "base/trimmed.h"
#include "cli/standard_input.h"
#include "cli/terminal.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

/// A line of standard input, which a terminal gives whole; nothing at its end.
std::optional<std::string> read_answer(const StopToken& stop) {
  std::string line;
  char c = 0;
  wait_for_input(STDIN_FILENO, stop);
  while (::read(STDIN_FILENO, &c, 1) == 1) {
    if (c == '\n') return line;
    line += c;
  }
  return std::nullopt;
}

}  // namespace

bool can_ask() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
}

bool ask(const std::string& question, EnterMeans enter, const StopToken& stop) {
  const bool is_yes = enter == EnterMeans::kYes;
  say(printable(question) + (is_yes ? words(" [Y/n] ", " [Д/н] ") : words(" [y/N] ", " [д/Н] ")));
  const std::optional<std::string> line = read_answer(stop);
  if (!line) return false;
  const std::string answer = lower_case(trimmed(*line));
  if (answer.empty()) return is_yes;
  for (const std::string_view yes : {"y", "yes", "д", "да", "Д", "Да", "ДА"}) {
    if (answer == yes) return true;
  }
  return false;
}

}  // namespace oko::cli
