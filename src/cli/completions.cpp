#include "cli/completions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <string_view>

#include "cli/help.h"

namespace oko::cli {
namespace {

/// `text` with a backslash before each of `special`.
std::string escaped(std::string_view text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != special.npos) result += '\\';
    result += c;
  }
  return result;
}

/// As one word of bash and zsh.
std::string quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string fish_quoted(std::string_view text) {
  return "'" + escaped(text, "\\'") + "'";
}

void for_commands(const CommandSyntax& command,
                  const std::function<void(const CommandSyntax&)>& call) {
  call(command);
  for (const CommandSyntax& each : command.commands) for_commands(each, call);
}

/// "bench decode": the path without the program's name.
std::string inner_path(const CommandSyntax& command) {
  const std::size_t space = command.path.find(' ');
  return space == command.path.npos ? "" : command.path.substr(space + 1);
}

std::string with_underscores(std::string path) {
  for (char& c : path) c = c == ' ' || c == '-' ? '_' : c;
  return path;
}

bool is_file_or_folder(const OptionSyntax& option) {
  return option.kind == ValueKind::kFile || option.kind == ValueKind::kFolder ||
         option.kind == ValueKind::kModel;
}

// bash: an empty COMPREPLY stands for file names (complete -o default). Nothing needs bash 4, since
// a Mac has 3.2.

/// Fills COMPREPLY with the values of an option or argument; empty: nothing to fill.
std::string bash_values(const OptionSyntax& option) {
  if (!option.choices.empty()) {
    return fmt::format("COMPREPLY=($(compgen -W {} -- \"$current\"))",
                       quoted(fmt::format("{}", fmt::join(option.choices, " "))));
  }
  if (option.kind == ValueKind::kModel) {
    return "COMPREPLY=($(compgen -W \"$(_oko_models)\" -- \"$current\"))";
  }
  return "";
}

/// The lines of a `case` for the values of the options of `command`.
std::string bash_option_values(const CommandSyntax& command) {
  std::string text, others;
  for (const OptionSyntax& option : command.options) {
    if (!option.has_value) continue;
    const std::string values = bash_values(option);
    std::string names;
    for (const std::string& name : option.names) {
      names += (names.empty() ? "" : " | ") + quoted(command.path + " " + name);
    }
    if (values.empty()) {
      others += (others.empty() ? "" : " | ") + names;
    } else {
      text += fmt::format("    {}) {}; return ;;\n", names, values);
    }
  }
  return others.empty() ? text : text + fmt::format("    {}) return ;;\n", others);
}

/// The lines of a `case` for what stands where no value of an option does.
std::string bash_words(const CommandSyntax& command) {
  std::vector<std::string> options, commands;
  for (const OptionSyntax& option : command.options) {
    options.insert(options.end(), option.names.begin(), option.names.end());
  }
  for (const CommandSyntax& each : command.commands) commands.push_back(each.name);
  std::string values;
  if (!commands.empty()) {
    values = bash_values({.choices = commands});
  } else if (!command.arguments.empty()) {
    values = bash_values(command.arguments.front());
  }
  return fmt::format("    {})\n{}      options={} ;;\n", quoted(command.path),
                     values.empty() ? "" : "      " + values + "\n",
                     quoted(fmt::format("{}", fmt::join(options, " "))));
}

std::string bash_cases(const CommandSyntax& program) {
  std::string values, words, paths;
  for_commands(program, [&](const CommandSyntax& command) {
    if (&command != &program) paths += (paths.empty() ? "" : " | ") + quoted(command.path);
    values += bash_option_values(command);
    words += bash_words(command);
  });
  return fmt::format(R"(  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command ${{COMP_WORDS[i]}}" in
      {}) command="$command ${{COMP_WORDS[i]}}" ;;
    esac
  done
  case "$command $previous" in
{}  esac
  case $command in
{}  esac
)",
                     paths, values, words);
}

// zsh

std::string zsh_action(const OptionSyntax& option) {
  if (!option.choices.empty()) {
    return fmt::format("({})", fmt::join(option.choices, " "));
  }
  switch (option.kind) {
    case ValueKind::kFile:
      return "_files";
    case ValueKind::kFolder:
      return "_files -/";
    case ValueKind::kModel:
      return "_oko_models";
    default:
      return " ";
  }
}

std::string zsh_option(const OptionSyntax& option) {
  const std::string description = escaped(option.description, "[]\\:");
  const std::string value =
      option.has_value
          ? fmt::format(":{}:{}", escaped(placeholder(option), ":\\"), zsh_action(option))
          : "";
  const std::string rest = quoted(fmt::format("[{}]{}", description, value));
  std::vector<std::string> names = option.names;
  for (std::string& name : names) {
    if (option.has_value && name.starts_with("--")) name += '=';  // or a space
  }
  if (names.size() == 1) return names.front() + rest;
  return fmt::format("'({})'{{{}}}{}", fmt::join(option.names, " "), fmt::join(names, ","), rest);
}

std::string zsh_function(const CommandSyntax& command) {
  std::string lines;
  for (const OptionSyntax& option : command.options) lines += " \\\n    " + zsh_option(option);
  const std::string name = "_" + with_underscores(command.path);
  if (command.commands.empty()) {
    for (const OptionSyntax& argument : command.arguments) {
      lines +=
          " \\\n    " + quoted(fmt::format("{}:{}:{}", argument.is_list ? "*" : "",
                                           escaped(argument.label, ":\\"), zsh_action(argument)));
    }
    return fmt::format("{}() {{\n  _arguments -s :{}\n}}\n\n", name, lines);
  }
  std::string commands, cases;
  for (const CommandSyntax& each : command.commands) {
    commands +=
        "\n        " + quoted(escaped(each.name, ":") + ":" + first_sentence(each.description));
    cases += fmt::format("        {}) _{} ;;\n", each.name, with_underscores(each.path));
  }
  return fmt::format(R"({}() {{
  local curcontext=$curcontext state line
  local -a commands
  _arguments -s -C :{} \
    '1: :->command' '*:: :->arguments'
  case $state in
    command)
      commands=({})
      _describe command commands ;;
    arguments)
      case $words[1] in
{}      esac ;;
  esac
}}

)",
                     name, lines, commands, cases);
}

// fish

std::string fish_values(const OptionSyntax& option) {
  if (!option.choices.empty()) {
    return " -x -a " + fish_quoted(fmt::format("{}", fmt::join(option.choices, " ")));
  }
  if (option.kind == ValueKind::kModel) {
    return " -x -a '(__oko_models; __fish_complete_directories (commandline -ct))'";
  }
  if (option.kind == ValueKind::kFolder) {
    return " -x -a '(__fish_complete_directories (commandline -ct))'";
  }
  return option.kind == ValueKind::kFile ? " -r -F" : " -x";
}

std::string fish_command(const CommandSyntax& command) {
  const std::string start = "complete -c oko -n '__oko_at " + inner_path(command) + "'";
  std::string lines;
  for (const CommandSyntax& each : command.commands) {
    lines += fmt::format("{} -a {} -d {}\n", start, each.name,
                         fish_quoted(first_sentence(each.description)));
  }
  for (const OptionSyntax& argument : command.arguments) {
    if (!is_file_or_folder(argument) && argument.choices.empty()) continue;
    lines += start + (argument.kind == ValueKind::kFile ? " -F" : fish_values(argument)) + "\n";
  }
  for (const OptionSyntax& option : command.options) {
    lines += start;
    for (const std::string& name : option.names) {
      lines += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    lines += (option.has_value ? fish_values(option) : "") + " -d " +
             fish_quoted(option.description) + "\n";
  }
  return lines;
}

}  // namespace

std::string bash_completion(const CommandSyntax& program, const std::vector<std::string>& models) {
  return fmt::format(
      R"(# bash completion of oko, made by the program itself

_oko_models() {{
  printf '%s\n' {}
  ls -1 "${{OKO_HOME:-$HOME/.oko}}/models" 2>/dev/null
}}

_oko() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
  local command=oko options= i
  COMPREPLY=()
  # bash takes the = of --option=value for a word.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
{}  case $current in -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;; esac
}}

complete -o bashdefault -o default -F _oko oko
)",
      fmt::join(models, " "), bash_cases(program));
}

std::string zsh_completion(const CommandSyntax& program, const std::vector<std::string>& models) {
  std::string functions;
  for_commands(program, [&](const CommandSyntax& each) { functions += zsh_function(each); });
  return fmt::format(R"(#compdef oko
# zsh completion of oko, made by the program itself

_oko_models() {{
  local -a names
  names=({} ${{OKO_HOME:-$HOME/.oko}}/models/*(N/:t))
  _alternative 'models:model:compadd -a names' 'folders:folder:_files -/'
}}

{}if [ "$funcstack[1]" = _oko ]; then
  _oko "$@"
else
  compdef _oko oko
fi
)",
                     fmt::join(models, " "), functions);
}

std::string fish_completion(const CommandSyntax& program, const std::vector<std::string>& models) {
  std::vector<std::string> paths;
  std::string lines;
  for_commands(program, [&](const CommandSyntax& command) {
    if (&command != &program) paths.push_back(quoted(inner_path(command)));
    lines += fish_command(command);
  });
  return fmt::format(R"(# fish completion of oko, made by the program itself

set -g __oko_commands {}

# True where the command line is inside the command that the arguments name.
function __oko_at
    set -l path
    for word in (commandline -opc)[2..]
        set -l longer (string join ' ' -- $path $word)
        contains -- $longer $__oko_commands; and set path $path $word
    end
    test "$path" = "$argv"
end

function __oko_models
    printf '%s\n' {}
    set -q OKO_HOME; and set -l home $OKO_HOME; or set -l home ~/.oko
    test -d $home/models; and ls -1 $home/models
end

complete -c oko -f
{})",
                     fmt::join(paths, " "), fmt::join(models, " "), lines);
}

}  // namespace oko::cli
