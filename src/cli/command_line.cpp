#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/lower_case.h"
#include "cli/closest.h"
#include "cli/help.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

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

/// The name of an argument, which the Russian help translates.
LocalizedText argument_text(const std::string& name) {
  constexpr std::pair<std::string_view, std::string_view> kRussian[] = {
      {"DST", "КУДА"},     {"FILE", "ФАЙЛ"},  {"FOLDER", "ПАПКА"}, {"IMAGE", "КАРТИНКА"},
      {"MODEL", "МОДЕЛЬ"}, {"NAME", "ИМЯ"},   {"QUERY", "ЗАПРОС"}, {"PATH", "ПУТЬ"},
      {"SHAPE", "ВИД"},    {"SRC", "ОТКУДА"}, {"TEXT", "ТЕКСТ"},
  };
  for (const auto& [english, russian] : kRussian) {
    if (english == name) return {name, std::string(russian)};
  }
  return name;
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

/// "help" or "version", if it stands in place of a command.
std::string option_as_command(std::span<char* const> arguments) {
  const std::string first = arguments.empty() ? "" : arguments[0];
  return first == "help" || first == "version" ? first : "";
}

/// "oko help describe" is "oko describe --help", "oko version" is "oko --version".
std::vector<std::string> with_option_for(const std::string& word,
                                         std::span<char* const> arguments) {
  std::vector<std::string> result(arguments.begin(), arguments.end());
  if (word.empty()) return result;
  std::erase_if(result, [&](const std::string& each) { return each == word || each == "--"; });
  result.push_back("--" + word);
  return result;
}

/// The texts between commas.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> items;
  std::size_t begin = 0;
  for (std::size_t comma = text.find(','); comma != text.npos; comma = text.find(',', begin)) {
    items.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  items.push_back(text.substr(begin));
  return items;
}

/// Names in CLI11's notation: without the semicolon.
std::string all_names(std::string names) {
  std::replace(names.begin(), names.end(), ';', ',');
  return names;
}

}  // namespace

Option& Option::required() {
  option_->required();
  syntax_->is_required = true;
  return *this;
}

Option& Option::range(double least, double most) {
  value_->range = {least, most};
  return *this;
}

Option& Option::one_of(std::vector<std::string> choices) {
  syntax_->choices = choices;
  value_->choices = std::move(choices);
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
  syntax_->default_text = std::move(text);
  return *this;
}

Option& Option::names(ValueKind kind) {
  syntax_->kind = kind;
  return *this;
}

Option& Option::label(std::string text) {
  syntax_->label = std::move(text);
  return *this;
}

Option& Option::in(OptionGroup group) {
  syntax_->group = group;
  return *this;
}

Option& Option::needs(const Option& other) {
  option_->needs(other.option_);
  return *this;
}

Command::Command(const std::string& name, const std::string& description)
    : root_(std::make_unique<CLI::App>(description, name)), app_(root_.get()), path_(name) {
  app_->set_help_flag("-h,--help");
  app_->require_subcommand(0, 1);
}

Command::Command(CLI::App& app, std::string path, std::string group)
    : app_(&app), path_(std::move(path)), own_group_(std::move(group)) {}

Command::~Command() = default;

Command& Command::add_command(const std::string& name, const std::string& description) {
  app_->require_subcommand(0, 1);
  CLI::App* const app = app_->add_subcommand(name, description);
  commands_.emplace_back(new Command(*app, path_ + " " + name, group_));
  return *commands_.back();
}

Command::Entry& Command::add_entry(const std::string& names, const std::string& description) {
  entries_.push_back(std::make_unique<Entry>());
  Entry& entry = *entries_.back();
  entry.syntax.names = split(names.substr(0, names.find(';')));
  entry.syntax.description = description;
  return entry;
}

Option Command::add_option(const std::string& names, Target target,
                           const std::string& description) {
  Entry& entry = add_entry(names, description);
  entry.syntax.has_value = true;
  return add_value(entry, names, target);
}

Option Command::add_argument(const std::string& name, Target target,
                             const std::string& description) {
  Entry& entry = add_entry(name, description);
  entry.syntax.label = shown(argument_text(name));
  entry.is_argument = true;
  Option option = add_value(entry, name, target);
  if (std::holds_alternative<std::vector<std::string>*>(target)) {
    app_->get_option(name)->expected(CLI::detail::expected_max_vector_size);
    entry.syntax.is_list = true;
  }
  return option;
}

Option Command::add_value(Entry& entry, const std::string& names, Target target) {
  entry.value = std::make_unique<OptionValue>(
      OptionValue{.name = entry.syntax.names.back(), .target = target});
  OptionValue& value = *entry.value;
  entry.syntax.kind = value.kind();
  if (!entry.syntax.label.empty()) value.name = entry.syntax.label;
  const auto set = [&value](std::vector<std::string> texts) {
    std::transform(texts.begin(), texts.end(), texts.begin(), unmarked);
    value.set(texts);
    return true;
  };
  CLI::Option& option = *app_->add_option(all_names(names), set);
  option.multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return {option, &value, entry.syntax};
}

Option Command::add_flag(const std::string& names, bool* target, const std::string& description) {
  Entry& entry = add_entry(names, description);
  return {*app_->add_flag(all_names(names), *target), nullptr, entry.syntax};
}

void Command::add_version(std::function<std::string()> version) {
  version_ = std::move(version);
  app_->set_version_flag("-V,--version");
  add_entry("-V,--version", words("print the version", "показать версию")).syntax.group =
      OptionGroup::kGeneral;
}

void Command::set_footer(const std::string& text) {
  footer_ = text;
}

Command::Entry& Command::entry(const std::string& name) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& each) {
    return each->syntax.names.back() == name;
  });
  if (found == entries_.end()) throw std::logic_error("no option " + name);
  return **found;
}

void Command::set_description(const std::string& option, const std::string& text) {
  entry(option).syntax.description = text;
}

void Command::hide(const std::string& option) {
  entry(option).is_hidden = true;
}

void Command::suggest(const std::string& name, const std::string& instead) {
  suggestions_[name] = instead;
}

CommandSyntax Command::syntax() const {
  CommandSyntax syntax{.path = path_,
                       .name = app_->get_name(),
                       .group = own_group_,
                       .description = app_->get_description(),
                       .footer = footer_,
                       .needs_command = !run_};
  for (const auto& entry : entries_) {
    if (!entry->is_hidden) {
      (entry->is_argument ? syntax.arguments : syntax.options).push_back(entry->syntax);
    }
  }
  syntax.options.push_back({.names = {"-h", "--help"},
                            .description = words("print this help", "показать эту справку"),
                            .group = OptionGroup::kGeneral});
  for (const auto& command : commands_) syntax.commands.push_back(command->syntax());
  return syntax;
}

std::optional<std::string> Command::parse(std::span<char* const> arguments) {
  const std::string word = option_as_command(arguments);
  const std::vector<std::string> all = with_option_for(word, arguments);
  if (const auto joined = joined_help(all)) throw usage_error({no_option(*joined)}, all);
  std::vector<std::string> reversed = for_cli11(all);
  std::reverse(reversed.begin(), reversed.end());
  const auto help = [&] { return help_text(given().back()->syntax(), help_layout()); };
  try {
    app_->parse(std::move(reversed));
  } catch (const CLI::Success& success) {  // --help, --version
    if (!word.empty()) {
      if (const auto wrong = unexpected(all)) throw usage_error(*wrong, all);
    }
    const bool is_version = dynamic_cast<const CLI::CallForVersion*>(&success) != nullptr;
    return is_version ? version_() + "\n" : help();
  } catch (const CLI::ArgumentMismatch&) {  // only the last option can lack its value
    throw usage_error({missing_value(all.back())}, all);
  } catch (const CLI::ParseError& error) {
    throw usage_error(problem(all).value_or(Problem{error.what()}), all);
  } catch (const Error& error) {
    throw usage_error({error.message()}, all);
  }
  if (!given().back()->run_) return help();
  return std::nullopt;
}

void Command::run() const {
  given().back()->run_();
}

bool Command::prints_error_object() const {
  if (!given().back()->has_error_object_) return false;
  const CLI::App& app = *given().back()->app_;
  const CLI::Option* const flag = app.get_option_no_throw("--json");
  const CLI::Option* const format = app.get_option_no_throw("--format");
  return (flag != nullptr && flag->count() > 0) || (format != nullptr && format->count() > 0 &&
                                                    lower_case(format->results().back()) == "json");
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
  const CLI::Option* const option = app_->get_option_no_throw(name);
  return (option != nullptr && !option->get_positional() && option->get_expected_max() > 0) ||
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
      return Problem{option->get_positional()
                         ? tr("{} is missing", "не хватает аргумента {}", argument_text(name))
                         : tr("{} is missing", "не хватает {}", name)};
    }
    if (option->get_expected_max() == 0 && option->count() > 0 &&
        option->results().back() != "true") {
      return Problem{tr("{} takes no value", "{} не принимает значения", name)};
    }
    for (const CLI::Option* needed : option->get_needs()) {
      if (option->count() == 0 || needed->count() > 0) continue;
      return Problem{
          tr("{} goes only with {}", "{} указывают только вместе с {}", name, needed->get_name())};
    }
  }
  return std::nullopt;
}

std::string Command::meant_option(const std::string& name) const {
  const auto suggestion = suggestions_.find(name);
  if (suggestion != suggestions_.end()) return suggestion->second;
  std::vector<std::string> names;
  for (const OptionSyntax& option : syntax().options) {
    if (option.names.back().starts_with("--")) names.push_back(option.names.back());
  }
  return closest(name, names);
}

std::string Command::meant_command(const std::string& name) const {
  const auto suggestion = suggestions_.find(name);
  if (suggestion != suggestions_.end()) return suggestion->second;
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
