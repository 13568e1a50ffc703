#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cli/syntax.h"

namespace oko::cli {

struct HelpLayout {
  std::size_t width = 80;  ///< of a line, in letters
  bool bold = false;       ///< headings and names, by SGR (ECMA-48)
};

/// The layout for the standard output: at most 100 letters; bold on a terminal unless NO_COLOR is
/// set.
HelpLayout help_layout();

/// "Memory and speed".
std::string title_of(OptionGroup group);
/// "FILE..." of a required list, "[FILE]".
std::string argument_usage(const OptionSyntax& argument);
/// "oko ocr [OPTIONS] FILE...".
std::string usage(const CommandSyntax& command);
/// Without its full stop.
std::string first_sentence(const std::string& description);
/// With the default value.
std::string description_of(const OptionSyntax& option);

/// Words of `text` in lines of at most `width` letters that begin with `indent` spaces.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent = 0);

/// The help of a command: what it does, its usage, arguments, options and commands in groups.
std::string help_text(const CommandSyntax& command, const HelpLayout& layout);

}  // namespace oko::cli
