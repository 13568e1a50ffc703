#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "cli/closest.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

/// Formats the help in the same layout with each version of CLI11, with columns counted in letters.
class HelpFormatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode) const override {
    const auto arguments =
        app->get_options([](const CLI::Option* each) { return is_argument(each); });
    const auto options =
        app->get_options([](const CLI::Option* each) { return !is_argument(each); });
    const auto commands = app->get_subcommands([](const CLI::App*) { return true; });
    std::string text = app->get_description() + "\n";
    text += words("Usage: {} [OPTIONS]", "Вызов: {} [КЛЮЧИ]", name);
    for (const CLI::Option* each : arguments) text += " " + usage(each);
    const bool needs_command = app->get_require_subcommand_min() > 0;
    if (!commands.empty()) {
      text +=
          needs_command ? words(" SUBCOMMAND", " КОМАНДА") : words(" [SUBCOMMAND]", " [КОМАНДА]");
    }
    text += "\n" + group(words("Positionals", "Аргументы"), arguments) +
            group(words("Options", "Ключи"), options);
    if (!commands.empty()) text += "\n" + words("Subcommands:\n", "Команды:\n");
    for (const CLI::App* each : commands) text += row(each->get_name(), each->get_description());
    text += "\n" + app->get_footer();
    return text + (app->get_footer().empty() ? "" : "\n");
  }

 private:
  static bool is_argument(const CLI::Option* option) { return option->get_positional(); }

  static std::string usage(const CLI::Option* argument) {
    const std::string name = argument->get_name() + (argument->get_expected_max() > 1 ? "..." : "");
    return argument->get_required() ? name : "[" + name + "]";
  }

  static std::string group(const std::string& title,
                           const std::vector<const CLI::Option*>& options) {
    std::string text = options.empty() ? "" : "\n" + title + ":\n";
    for (const CLI::Option* each : options) {
      const std::string value = each->get_option_text();
      text += row(each->get_name(is_argument(each), true) + (value.empty() ? "" : " " + value),
                  each->get_description());
    }
    return text;
  }

  static std::string row(const std::string& name, const std::string& description) {
    constexpr std::size_t kColumn = 30;
    const auto letters = static_cast<std::size_t>(
        std::count_if(name.begin(), name.end(), [](char c) { return (c & 0xC0) != 0x80; }));
    const std::size_t width = 2 + letters;
    const std::string gap =
        width < kColumn ? std::string(kColumn - width, ' ') : "\n" + std::string(kColumn, ' ');
    return "  " + name + gap + description + "\n";
  }
};

/// Put before texts that CLI11 would change, such as "[a,b]", "[[aa]]".
constexpr char kMark = '\1';

std::string marked(const std::string& text) {
  return !text.empty() && (text[0] == '[' || text[0] == kMark) ? kMark + text : text;
}

std::string unmarked(const std::string& text) {
  return !text.empty() && text[0] == kMark ? text.substr(1) : text;
}

/// The arguments before "--", where "-x" is an option.
std::span<const std::string> options_in(const std::vector<std::string>& arguments) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  return std::span(arguments).first(static_cast<std::size_t>(end - arguments.begin()));
}

/// Arguments that CLI11 may mistake for joined options: "-x...".
std::vector<std::string> joined_options(const std::vector<std::string>& arguments) {
  std::vector<std::string> found;
  for (const std::string& each : options_in(arguments)) {
    if (each.size() > 2 && each[0] == '-' && each[1] != '-') found.push_back(each);
  }
  return found;
}

LocalizedText no_option(const std::string& name) {
  return tr("no option {}", "нет ключа {}", name);
}

/// CLI11 takes "-house" for -h with letters behind it.
std::optional<std::string> joined_help(const std::vector<std::string>& arguments) {
  for (const std::string& each : joined_options(arguments)) {
    if (each[1] == 'h') return each;
  }
  return std::nullopt;
}

bool is_help_command(std::span<char* const> arguments) {
  return !arguments.empty() && std::string_view(arguments[0]) == "help";
}

/// "oko help describe" is "oko describe --help".
std::vector<std::string> with_help_as_option(std::span<char* const> arguments) {
  std::vector<std::string> result(arguments.begin(), arguments.end());
  if (!is_help_command(arguments)) return result;
  std::erase_if(result, [](const std::string& each) { return each == "help" || each == "--"; });
  result.emplace_back("--help");
  return result;
}

}  // namespace

Option& Option::required() {
  option_->required();
  update_help();
  return *this;
}

Option& Option::range(double least, double most) {
  value_->range = {least, most};
  update_help();
  return *this;
}

Option& Option::one_of(std::vector<std::string> choices) {
  value_->choices = std::move(choices);
  update_help();
  return *this;
}

Option& Option::comma_separated() {
  value_->comma_separated = true;
  return *this;
}

Option& Option::show_default() {
  return show_default(value_->text());
}

Option& Option::show_default(std::string text) {
  default_ = std::move(text);
  update_help();
  return *this;
}

void Option::update_help() {
  std::string text = value_->type();
  if (!default_.empty()) text += "=" + default_;
  if (option_->get_expected_max() > 1) text += " ...";
  if (option_->get_required()) text += words(" REQUIRED", " ОБЯЗАТЕЛЬНО");
  option_->option_text(text);
}

Command::Command(const std::string& name, const std::string& description)
    : root_(std::make_unique<CLI::App>(description, name)), app_(root_.get()), path_(name) {
  app_->formatter(std::make_shared<HelpFormatter>());
  app_->set_help_flag("-h,--help",
                      words("Print this help message and exit", "напечатать эту справку и выйти"));
  app_->require_subcommand(0, 1);
}

Command::Command(CLI::App& app, std::string path) : app_(&app), path_(std::move(path)) {}

Command::~Command() = default;

Command& Command::add_command(const std::string& name, const std::string& description) {
  if (!root_) app_->require_subcommand(1);
  CLI::App* const app = app_->add_subcommand(name, description);
  commands_.emplace_back(new Command(*app, path_ + " " + name));
  return *commands_.back();
}

Option Command::add_option(const std::string& names, Target target,
                           const std::string& description) {
  return add_value(names, names.substr(names.find(',') + 1), target, description);
}

Option Command::add_argument(const std::string& name, Target target,
                             const std::string& description) {
  Option option = add_value(name, name, target, description);
  if (std::holds_alternative<std::vector<std::string>*>(target)) {
    app_->get_option(name)->expected(CLI::detail::expected_max_vector_size);
  }
  return option;
}

Option Command::add_value(const std::string& names, const std::string& name, Target target,
                          const std::string& description) {
  values_.push_back(std::make_unique<OptionValue>(OptionValue{.name = name, .target = target}));
  OptionValue& value = *values_.back();
  const auto set = [&value](std::vector<std::string> texts) {
    std::transform(texts.begin(), texts.end(), texts.begin(), unmarked);
    value.set(texts);
    return true;
  };
  CLI::Option& option = *app_->add_option(names, set, description);
  option.multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->option_text(value.type());
  return {option, value};
}

void Command::add_flag(const std::string& name, bool* target, const std::string& description) {
  app_->add_flag(name, *target, description);
}

void Command::add_version(const std::string& version) {
  app_->set_version_flag(
      "--version", version,
      words("Display program version information and exit", "напечатать версию и выйти"));
}

void Command::set_footer(const std::string& text) {
  app_->footer(text);
}

void Command::set_description(const std::string& option, const std::string& text) {
  app_->get_option(option)->description(text);
}

void Command::suggest(const std::string& option, const std::string& instead) {
  suggestions_[option] = instead;
}

std::optional<std::string> Command::parse(std::span<char* const> arguments) {
  const std::vector<std::string> all = with_help_as_option(arguments);
  if (const auto joined = joined_help(all)) throw usage_error({no_option(*joined)}, all);
  std::vector<std::string> reversed = for_cli11(all);
  std::reverse(reversed.begin(), reversed.end());
  try {
    app_->parse(std::move(reversed));
  } catch (const CLI::Success& success) {
    if (is_help_command(arguments)) {
      if (const auto wrong = unexpected(all)) throw usage_error(*wrong, all);
    }
    std::ostringstream text;  // --help, --version
    app_->exit(success, text);
    return text.str();
  } catch (const CLI::ArgumentMismatch&) {  // only the last option can lack its value
    throw usage_error({missing_value(all.back())}, all);
  } catch (const CLI::ParseError& error) {
    throw usage_error(problem(all).value_or(Problem{error.what()}), all);
  } catch (const Error& error) {
    throw usage_error({error.message()}, all);
  }
  if (!given().back()->run_) throw usage_error({no_command()}, all);
  return std::nullopt;
}

void Command::run() const {
  given().back()->run_();
}

std::vector<const Command*> Command::given() const {
  std::vector<const Command*> path{this};
  for (bool is_last = false; !is_last;) {
    is_last = true;
    for (const auto& command : path.back()->commands_) {
      if (!command->app_->parsed()) continue;
      path.push_back(command.get());
      is_last = false;
      break;
    }
  }
  return path;
}

bool Command::takes_value(const std::string& name) const {
  const auto is_named = [&](const auto& value) { return value->name == name; };
  return std::any_of(values_.begin(), values_.end(), is_named) ||
         std::any_of(commands_.begin(), commands_.end(),
                     [&](const auto& command) { return command->takes_value(name); });
}

std::vector<std::string> Command::for_cli11(const std::vector<std::string>& arguments) const {
  std::vector<std::string> result;
  const std::size_t options = options_in(arguments).size();
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& each = arguments[i];
    const std::size_t equals = each.find('=');
    if (i < options && equals != std::string::npos && takes_value(each.substr(0, equals))) {
      result.push_back(each.substr(0, equals));
      result.push_back(marked(each.substr(equals + 1)));
    } else {
      result.push_back(marked(each));
    }
  }
  return result;
}

LocalizedText Command::no_command() const {
  std::string names;
  const Command& command = *given().back();
  for (const auto& each : command.commands_) {
    names += (names.empty() ? "" : ", ") + each->app_->get_name();
  }
  return tr("no command is given: {} has {}", "не указана команда: у {} есть {}", command.path_,
            names);
}

std::optional<Command::Problem> Command::unexpected(
    const std::vector<std::string>& arguments) const {
  const auto options = options_in(arguments);
  for (const Command* command : given()) {
    for (const std::string& rest : command->app_->remaining()) {
      const std::string each = unmarked(rest);
      if (each == "--") continue;
      if (each.rfind('-', 0) == 0 &&
          std::find(options.begin(), options.end(), each) != options.end()) {
        const std::string name = each.substr(0, each.find('='));
        return Problem{no_option(name), given().back()->meant_option(name)};
      }
      if (command != given().back() || command->commands_.empty()) {
        return Problem{tr("unexpected argument {}", "лишний аргумент {}", each)};
      }
      return Problem{tr("no command {}", "нет команды {}", each), command->meant_command(each)};
    }
  }
  return std::nullopt;
}

std::optional<Command::Problem> Command::problem(const std::vector<std::string>& arguments) const {
  if (auto text = unexpected(arguments)) return text;
  const Command& command = *given().back();
  for (const CLI::Option* option : command.app_->get_options()) {
    const std::string name = option->get_name();
    if (option->get_required() && option->count() == 0) {
      return Problem{tr("{} is missing", "не хватает {}", name)};
    }
    if (option->get_expected_max() == 0 && option->count() > 0 &&
        option->results().back() != "true") {
      return Problem{tr("{} takes no value", "{} не принимает значения", name)};
    }
  }
  if (!command.run_) return Problem{no_command()};
  return std::nullopt;
}

std::string Command::meant_option(const std::string& name) const {
  const auto suggestion = suggestions_.find(name);
  if (suggestion != suggestions_.end()) return suggestion->second;
  std::vector<std::string> names;
  for (const CLI::Option* option : app_->get_options()) {
    for (const std::string& each : option->get_lnames()) names.push_back("--" + each);
  }
  return closest(name, names);
}

std::string Command::meant_command(const std::string& name) const {
  std::vector<std::string> names;
  names.reserve(commands_.size());
  for (const auto& each : commands_) names.push_back(each->app_->get_name());
  return closest(name, names);
}

Error Command::usage_error(const Problem& problem,
                           const std::vector<std::string>& arguments) const {
  const std::string& path = given().back()->path_;
  LocalizedText hint = tr("see {} --help", "см. {} --help", path);
  if (!problem.meant.empty()) {
    hint =
        tr("did you mean {}? See {} --help", "может быть, {}? См. {} --help", problem.meant, path);
  } else if (!joined_options(arguments).empty()) {
    hint = tr("put -- before texts and names that begin with -, or ./ before a name",
              "перед текстами и именами, которые начинаются с -, ставьте --, перед именем можно "
              "./");
  }
  return {ErrorCode::kUsage, tr("wrong usage: {}", "неверный вызов: {}", problem.text), hint};
}

}  // namespace oko::cli
