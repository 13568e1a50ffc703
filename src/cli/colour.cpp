#include "cli/colour.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace oko::cli {
namespace {

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

bool has_colour(int file) {
  const std::string_view terminal = variable("TERM");
  return ::isatty(file) == 1 && !terminal.empty() && terminal != "dumb" &&
         variable("NO_COLOR").empty();
}

}  // namespace oko::cli
