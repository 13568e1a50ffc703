#include "cli/man_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "cli/help.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

/// Words for man(7), in one line.
std::string roff(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  return result.starts_with('.') || result.starts_with('\'') ? "\\&" + result : result;
}

/// Text in lines of at most 80 bytes, as mandoc counts them: other letters than ASCII have eight.
std::string lines(std::string_view text) {
  constexpr std::size_t kMost = 80, kByte = 4;
  std::string result, line;
  std::size_t width = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string word = roff(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    std::size_t letters = 1;
    for (const char c : word) letters += (c & 0x80) != 0 ? kByte : 1;
    if (width > 0 && width + letters > kMost) {
      result += line + "\n";
      line.clear();
      width = 0;
    }
    line += (line.empty() ? "" : " ") + word;
    width += letters;
  }
  return result + line + (line.empty() ? "" : "\n");
}

std::string bold(std::string_view text) {
  return "\\fB" + roff(text) + "\\fR";
}

std::string section(const std::string& title) {
  return ".SH " + title + "\n";
}

std::string entry(const std::string& name, const std::string& description) {
  return ".TP\n" + name + "\n" + lines(description);
}

std::string options_of_group(const CommandSyntax& command, OptionGroup group) {
  std::string text;
  for (const OptionSyntax& option : command.options) {
    if (option.group != group) continue;
    std::string names;
    for (const std::string& name : option.names) {
      names += (names.empty() ? "" : ", ") + bold(name);
    }
    if (option.has_value) names += " \\fI" + roff(placeholder(option)) + "\\fR";
    text += entry(names, description_of(option));
  }
  return text;
}

/// Arguments and options; titles of groups as subsections unless this is one.
std::string parameters(const CommandSyntax& command, bool is_subsection) {
  std::string text;
  for (const OptionSyntax& argument : command.arguments) {
    text += entry(bold(argument_usage(argument)), description_of(argument));
  }
  if (!text.empty() && !is_subsection) text = section(words("ARGUMENTS", "АРГУМЕНТЫ")) + text;
  if (!is_subsection) text += section(words("OPTIONS", "КЛЮЧИ"));
  for (const OptionGroup group :
       {OptionGroup::kMain, OptionGroup::kMemoryAndSpeed, OptionGroup::kGeneral}) {
    const std::string options = options_of_group(command, group);
    if (options.empty()) continue;
    if (!is_subsection && group != OptionGroup::kMain) text += ".SS " + title_of(group) + "\n";
    text += options;
  }
  return text;
}

std::string subcommands(const CommandSyntax& command) {
  if (command.commands.empty()) return "";
  std::string text = section(words("COMMANDS", "КОМАНДЫ"));
  for (const CommandSyntax& each : command.commands) {
    text +=
        ".SS " + roff(usage(each)) + "\n" + roff(each.description) + "\n" + parameters(each, true);
  }
  return text;
}

/// "Examples:\n  oko ..." as a section, other texts as a paragraph.
std::string footer(const std::string& text) {
  if (text.empty()) return "";
  const std::size_t end = text.find(":\n");
  if (end == text.npos) return ".PP\n" + lines(text);
  return section(words("EXAMPLES", "ПРИМЕРЫ")) + ".nf\n" + roff(text.substr(end + 2)) + "\n.fi\n";
}

std::string exit_statuses() {
  std::string text = section(words("EXIT STATUS", "КОД ВОЗВРАТА"));
  const auto add = [&](const char* status, const std::string& meaning) {
    text += entry(bold(status), meaning);
  };
  add("0", words("done", "сделано"));
  add("1", words("failed", "не удалось"));
  add("2", words("wrong usage", "неверный вызов"));
  add("3", words("would not fit the memory budget", "не уместилось бы в разрешённую память"));
  add("4", words("bad input file", "плохой входной файл"));
  add("5", words("model missing or damaged", "модели нет, или она повреждена"));
  add("130", words("stopped by Ctrl-C (143 by SIGTERM, 129 by SIGHUP)",
                   "остановлено Ctrl-C (143 — SIGTERM, 129 — SIGHUP)"));
  return text;
}

std::string environment_and_files() {
  std::string text = section(words("ENVIRONMENT", "ПЕРЕМЕННЫЕ СРЕДЫ"));
  text += entry(bold("OKO_HOME"), words("where oko keeps models and caches [default: ~/.oko]",
                                        "где oko хранит модели и кэши [по умолчанию: ~/.oko]"));
  text += entry(bold("OKO_DEVICE"),
                words("cpu or gpu: the device of models [default: a GPU if there is one]",
                      "cpu или gpu: на чём считают модели [по умолчанию: GPU, если он есть]"));
  text += entry(bold("LC_ALL, LC_MESSAGES, LANG"),
                words("the first that is set: ru* makes messages Russian",
                      "первая заданная: с ru* сообщения русские"));
  text += entry(bold("NO_COLOR"), words("no bold text", "без выделения текста"));
  text += section(words("FILES", "ФАЙЛЫ"));
  text += entry(bold("~/.oko/models"),
                words("models that oko pull has downloaded", "модели, которые скачал oko pull"));
  text += entry(bold("~/.oko/aligned, ~/.oko/cache"),
                words("aligned copies of weights, and read tokenizers; may be deleted",
                      "выровненные копии весов и прочитанные токенизаторы; их можно удалять"));
  text += entry(bold("~/.oko/chat_history"),
                words("lines typed in oko chat", "строки, набранные в oko chat"));
  return text;
}

std::string see_also(const CommandSyntax& program, const CommandSyntax& command) {
  std::string text = section(words("SEE ALSO", "СМ. ТАКЖЕ"));
  if (&program != &command) return text + bold("oko") + "(1)\n";
  std::string pages;
  for (const CommandSyntax& each : program.commands) {
    pages += (pages.empty() ? "" : ", ") + bold(man_page_name(each)) + "(1)";
  }
  return text + pages + "\n";
}

std::string commands_in_groups(const CommandSyntax& program) {
  std::string text = section(words("COMMANDS", "КОМАНДЫ"));
  std::string group;
  for (const CommandSyntax& each : program.commands) {
    if (each.group != group) text += ".SS " + each.group + "\n";
    group = each.group;
    text += entry(bold(each.name), each.description);
  }
  return text;
}

}  // namespace

std::string man_page_name(const CommandSyntax& command) {
  std::string name = command.path;
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string man_page(const CommandSyntax& program, const CommandSyntax& command,
                     const ManPageInfo& info) {
  const bool is_program = &program == &command;
  std::string title = man_page_name(command);
  std::transform(title.begin(), title.end(), title.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  std::string text = fmt::format(".TH {} 1 {} \"{}\" oko\n", roff(title), info.date, info.version);
  text += section(words("NAME", "ИМЯ"));
  const std::string start = is_program ? command.name + " " : "";
  std::string summary = first_sentence(command.description);
  if (summary.starts_with(start)) summary.erase(0, start.size());
  text += lines(man_page_name(command) + " - " + summary);
  text += section(words("SYNOPSIS", "ВЫЗОВ")) + lines(usage(command));
  text += section(words("DESCRIPTION", "ОПИСАНИЕ")) + lines(command.description);
  text += is_program ? commands_in_groups(program) : subcommands(command);
  text += parameters(command, false);
  text += footer(command.footer);
  if (is_program) text += environment_and_files();
  return text + exit_statuses() + see_also(program, command);
}

}  // namespace oko::cli
