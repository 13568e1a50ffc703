#include "cli/help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "cli/screen.h"
#include "cli/user_language.h"
#include "text/code_point_count.h"

namespace oko::cli {
namespace {

constexpr std::size_t kIndent = 2;
constexpr std::size_t kMostNames = 26;  ///< letters of a name beside its description
constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastText = 28;  ///< columns of a description beside the names
constexpr std::size_t kTextBelow = 8;   ///< column of a description below its name

struct Row {
  std::string name;
  std::string description;
};

struct Section {
  std::string title;
  std::vector<Row> rows = {};
};

class HelpWriter {
 public:
  explicit HelpWriter(const HelpLayout& layout) : layout_(layout) {}

  std::string text() && { return std::move(text_); }

  /// Words of `text` from column `first`, and from `indent` on each further line. Its own line
  /// ends stay.
  void add_wrapped(std::string_view text, std::size_t first, std::size_t indent) {
    std::size_t column = first;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
      const std::string_view word = text.substr(0, end);
      const std::size_t width = text::code_point_count(word);
      if (column > indent && column + 1 + width > layout_.width) {
        text_ += "\n" + std::string(indent, ' ');
        column = indent;
      } else if (column > indent) {
        text_ += ' ';
        ++column;
      }
      text_ += word;
      column += width;
      if (end < text.size() && text[end] == '\n') {
        text_ += "\n" + std::string(indent, ' ');
        column = indent;
      }
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    text_ += '\n';
  }

  /// Sections whose descriptions begin in the same column.
  void add_sections(const std::vector<Section>& sections) {
    std::size_t names = 0;
    for (const Section& section : sections) {
      for (const Row& row : section.rows) {
        const std::size_t letters = text::code_point_count(row.name);
        if (letters <= kMostNames) names = std::max(names, letters);
      }
    }
    std::size_t column = kIndent + names + kGap;
    if (layout_.width < column + kLeastText) {  // a narrow terminal: descriptions below the names
      names = 0;
      column = kTextBelow;
    }
    for (const Section& section : sections) {
      if (section.rows.empty()) continue;
      text_ += "\n" + bold(section.title + ":") + "\n";
      for (const Row& row : section.rows) {
        const std::size_t letters = text::code_point_count(row.name);
        text_ += std::string(kIndent, ' ') + bold(row.name);
        if (row.description.empty()) {
          text_ += '\n';
          continue;
        }
        text_ += letters <= names ? std::string(names - letters + kGap, ' ')
                                  : "\n" + std::string(column, ' ');
        add_wrapped(row.description, column, column);
      }
    }
  }

  /// Lines as they are; long ones are wrapped, as far to the right as the text after their first
  /// gap.
  void add_footer(std::string_view text) {
    text_ += '\n';
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      const std::size_t gap = line.find("  ", line.find_first_not_of(' '));
      const std::size_t right = gap == line.npos ? line.npos : line.find_first_not_of(' ', gap);
      if (text::code_point_count(line) <= layout_.width || right == line.npos) {
        text_ += std::string(line) + "\n";
      } else {
        const std::size_t column = text::code_point_count(line.substr(0, right));
        text_ += line.substr(0, right);
        add_wrapped(line.substr(right), column, column);
      }
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  void add(std::string_view text) { text_ += text; }

  std::string bold(std::string_view text) const {
    return layout_.bold ? fmt::format("\033[1m{}\033[0m", text) : std::string(text);
  }

 private:
  HelpLayout layout_;
  std::string text_;
};

/// "-m, --model MODEL". Long names stand below each other.
std::string names_of(const OptionSyntax& option) {
  const bool is_long_only = option.names.front().starts_with("--");
  std::string text = is_long_only ? "    " : "";
  text += fmt::format("{}", fmt::join(option.names, ", "));
  return option.has_value ? text + " " + placeholder(option) : text;
}

Section section_of(const CommandSyntax& command, OptionGroup group) {
  Section section{title_of(group)};
  for (const OptionSyntax& option : command.options) {
    if (option.group == group) section.rows.push_back({names_of(option), description_of(option)});
  }
  return section;
}

std::vector<Section> arguments_and_options(const CommandSyntax& command) {
  Section arguments{words("Arguments", "Аргументы")};
  for (const OptionSyntax& argument : command.arguments) {
    arguments.rows.push_back({argument_usage(argument), description_of(argument)});
  }
  return {arguments, section_of(command, OptionGroup::kMain),
          section_of(command, OptionGroup::kMemoryAndSpeed),
          section_of(command, OptionGroup::kGeneral)};
}

/// Commands in their groups, in the order of the first one of each.
std::vector<Section> groups_of(const std::vector<CommandSyntax>& commands) {
  std::vector<Section> groups;
  for (const CommandSyntax& command : commands) {
    const std::string title = command.group.empty() ? words("Commands", "Команды") : command.group;
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const Section& each) { return each.title == title; });
    if (group == groups.end()) group = groups.insert(group, Section{title});
    group->rows.push_back({command.name, first_sentence(command.description)});
  }
  return groups;
}

}  // namespace

std::string title_of(OptionGroup group) {
  switch (group) {
    case OptionGroup::kMain:
      return words("Options", "Ключи");
    case OptionGroup::kMemoryAndSpeed:
      return words("Memory and speed", "Память и скорость");
    case OptionGroup::kGeneral:
      return words("General", "Общие");
  }
  return "";
}

std::string argument_usage(const OptionSyntax& argument) {
  const std::string name = argument.label + (argument.is_list ? "..." : "");
  return argument.is_required ? name : "[" + name + "]";
}

std::string usage(const CommandSyntax& command) {
  std::string text = words("{} [OPTIONS]", "{} [КЛЮЧИ]", command.path);
  for (const OptionSyntax& option : command.options) {
    if (!option.is_required) continue;
    text += " " + option.names.back() + " " + placeholder(option);
  }
  for (const OptionSyntax& argument : command.arguments) text += " " + argument_usage(argument);
  if (!command.commands.empty()) {
    text +=
        command.needs_command ? words(" COMMAND", " КОМАНДА") : words(" [COMMAND]", " [КОМАНДА]");
  }
  return text;
}

std::string first_sentence(const std::string& description) {
  return description.substr(
      0, std::min(description.find(". "), description.find_last_not_of('.') + 1));
}

std::string description_of(const OptionSyntax& option) {
  std::string text = option.description;
  if (option.default_text.empty()) return text;
  if (!text.empty()) text += ' ';
  return text + words("[default: {}]", "[по умолчанию: {}]", option.default_text);
}

std::string placeholder(const OptionSyntax& option) {
  if (!option.label.empty()) return option.label;
  if (!option.choices.empty()) return fmt::format("{}", fmt::join(option.choices, "|"));
  switch (option.kind) {
    case ValueKind::kText:
      return words("TEXT", "ТЕКСТ");
    case ValueKind::kNumber:
      return "N";
    case ValueKind::kFile:
      return words("FILE", "ФАЙЛ");
    case ValueKind::kFolder:
      return words("DIR", "ПАПКА");
    case ValueKind::kModel:
      return words("NAME|DIR", "ИМЯ|ПАПКА");
    case ValueKind::kSize:
      return words("SIZE", "РАЗМЕР");
  }
  return "";
}

HelpLayout help_layout() {
  constexpr std::size_t kLeast = 40, kMost = 100;
  HelpLayout layout;
  if (const auto width = width_of(STDOUT_FILENO)) {
    layout.width = std::clamp(*width, kLeast, kMost);
  }
  layout.bold = has_colour(STDOUT_FILENO);
  return layout;
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  HelpWriter writer({.width = width});
  writer.add(std::string(indent, ' '));
  writer.add_wrapped(text, indent, indent);
  return std::move(writer).text();
}

std::string help_text(const CommandSyntax& command, const HelpLayout& layout) {
  HelpWriter writer(layout);
  writer.add_wrapped(command.description, 0, 0);
  writer.add("\n" + writer.bold(words("Usage:", "Вызов:")) + " ");
  writer.add_wrapped(usage(command), 7, 7);
  writer.add_sections(groups_of(command.commands));
  writer.add_sections(arguments_and_options(command));
  if (!command.footer.empty()) writer.add_footer(command.footer);
  return std::move(writer).text();
}

}  // namespace oko::cli
