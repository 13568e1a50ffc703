#include "cli/ask.h"

#include <unistd.h>

#include <string_view>

#include "base/lower_case.h"
#include "base/text_escape.h"
#include "base/trimmed.h"
#include "cli/terminal.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

/// A line of standard input, which a terminal gives whole.
std::string read_answer() {
  std::string line;
  char c = 0;
  while (::read(STDIN_FILENO, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

}  // namespace

bool can_ask() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
}

bool ask(const std::string& question) {
  say(printable(question) + words(" [y/N] ", " [д/Н] "));
  const std::string answer = lower_case(trimmed(read_answer()));
  for (const std::string_view yes : {"y", "yes", "д", "да", "Д", "Да", "ДА"}) {
    if (answer == yes) return true;
  }
  return false;
}

}  // namespace oko::cli
