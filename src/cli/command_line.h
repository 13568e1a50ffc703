#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "cli/option_value.h"
#include "cli/syntax.h"

// No other source includes CLI11: its headers cost seconds of compilation each time.
namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace oko::cli {

/// An option or argument of a command. Its functions limit its values and describe it.
class Option {
 public:
  /// `value` is null for a flag.
  Option(CLI::Option& option, OptionValue* value, OptionSyntax& syntax)
      : option_(&option), value_(value), syntax_(&syntax) {}

  Option& required();
  /// A number from `least` to `most`.
  Option& range(double least, double most);
  /// The letters' case does not count.
  Option& one_of(std::vector<std::string> choices);
  /// Commas separate the items of a list.
  Option& comma_separated();
  /// Shows `text`, or the present value of the target, as the default in the help.
  Option& show_default();
  Option& show_default(std::string text);
  Option& names(ValueKind kind);
  /// What stands for the value in the help: "PAGES".
  Option& label(std::string text);
  Option& in(OptionGroup group);
  /// Without `other` it would be ignored, so it is refused then.
  Option& needs(const Option& other);

 private:
  CLI::Option* option_;
  OptionValue* value_;
  OptionSyntax* syntax_;
};

/// The program or one of its commands: its options, arguments and action. Help and errors are in
/// the user's language.
class Command {
 public:
  Command(const std::string& name, const std::string& description);
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  /// Gives the commands that are added after it a title in the help.
  void begin_group(const std::string& title) { group_ = title; }
  Command& add_command(const std::string& name, const std::string& description);

  /// `names`: "--output" or "-o,--output"; names behind a semicolon, which the help does not show,
  /// are those of earlier versions. `target` must outlive the command, as in `on_run`.
  Option add_option(const std::string& names, Target target, const std::string& description);
  /// Adds a positional argument; a list takes all remaining ones. The Russian help translates
  /// `name`.
  Option add_argument(const std::string& name, Target target, const std::string& description);
  Option add_flag(const std::string& names, bool* target, const std::string& description);
  void add_version(std::function<std::string()> version);
  /// Sets the text below the help.
  void set_footer(const std::string& text);
  void set_description(const std::string& option, const std::string& text);
  /// Keeps an option out of the help.
  void hide(const std::string& option);
  /// Users who give an option or a command that is not there are told of `instead`.
  void suggest(const std::string& name, const std::string& instead);
  void on_run(std::function<void()> run) { run_ = std::move(run); }

  /// Reads the arguments behind the program's name. Returns the text to print if they request help
  /// or the version; otherwise `run` runs the given command. Throws kUsage.
  std::optional<std::string> parse(std::span<char* const> arguments);
  void run() const;

  /// Each object of the command belongs to an input, so an error of none prints no object.
  void without_error_object() { has_error_object_ = false; }
  /// True if the given command prints JSON (--json or --format json), and so its error.
  bool prints_error_object() const;

  CommandSyntax syntax() const;

 private:
  /// What the help shows of an option or argument, and its value unless it is a flag.
  struct Entry {
    OptionSyntax syntax;
    bool is_argument = false;
    bool is_hidden = false;
    std::unique_ptr<OptionValue> value = {};
  };

  Command(CLI::App& app, std::string path, std::string group);

  Entry& add_entry(const std::string& names, const std::string& description);
  Entry& entry(const std::string& name);
  Option add_value(Entry& entry, const std::string& names, Target target);
  /// This command, the given command of it, and so on.
  std::vector<const Command*> given() const;
  bool takes_value(const std::string& name) const;
  /// Marks values that CLI11 mistakes: an empty one in "NAME=" for no value, brackets for a list.
  std::vector<std::string> for_cli11(const std::vector<std::string>& arguments) const;
  /// What is wrong with a command line. `meant`: the likely intended name; empty: unknown.
  struct Problem {
    LocalizedText text;
    std::string meant = {};
  };

  /// Of arguments that CLI11 has refused: its own messages are English.
  std::optional<Problem> problem(const std::vector<std::string>& arguments) const;
  std::optional<Problem> unexpected(const std::vector<std::string>& arguments) const;
  Error usage_error(const Problem& problem, const std::vector<std::string>& arguments) const;
  std::string meant_option(const std::string& name) const;
  std::string meant_command(const std::string& name) const;

  std::unique_ptr<CLI::App> root_;  ///< of the program only
  CLI::App* app_;
  std::string path_;   ///< "oko bench"
  std::string group_;  ///< of the next command
  std::string own_group_;
  std::string footer_;
  std::function<std::string()> version_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<std::unique_ptr<Command>> commands_;
  std::map<std::string, std::string> suggestions_;
  std::function<void()> run_;
  bool has_error_object_ = true;
};

}  // namespace oko::cli
