#pragma once

#include <string>
#include <vector>

namespace oko::cli {

/// The part of the help that lists an option.
enum class OptionGroup { kMain, kMemoryAndSpeed, kGeneral };

/// What a value names: its placeholder in the help, and what a shell completes.
enum class ValueKind { kText, kNumber, kFile, kFolder, kModel, kSize };

/// An option or an argument of a command, in the user's language.
struct OptionSyntax {
  std::vector<std::string> names = {};  ///< "-o", "--output"; of an argument: "FILE"
  std::string label = {};  ///< of an argument: its name; of a value: "PAGES", if not by its kind
  std::string description = {};
  OptionGroup group = OptionGroup::kMain;
  bool has_value = false;
  ValueKind kind = ValueKind::kText;
  std::vector<std::string> choices = {};  ///< empty: any value
  std::string default_text = {};          ///< empty: none, or the description has it
  bool is_required = false;
  bool is_list = false;  ///< an argument that may be repeated
};

/// A command, as help, man pages and completions show it.
struct CommandSyntax {
  std::string path = {};   ///< "oko bench"
  std::string name = {};   ///< "bench"
  std::string group = {};  ///< title of the commands around it; may be empty
  std::string description = {};
  std::string footer = {};  ///< examples; may be empty
  bool needs_command = false;
  std::vector<OptionSyntax> arguments = {};
  std::vector<OptionSyntax> options = {};  ///< without those that are hidden
  std::vector<CommandSyntax> commands = {};
};

/// "N", "FILE", "ru|en": stands for the value of an option.
std::string placeholder(const OptionSyntax& option);

}  // namespace oko::cli
