#include "cli/chat_line.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/text_escape.h"
#include "base/trimmed.h"
#include "cli/closest.h"
#include "text/utf8.h"

namespace oko::cli {
namespace {

struct Name {
  std::string_view name;
  ChatCommand command;
};

constexpr std::array<Name, 7> kNames{{{"/image", ChatCommand::kImage},
                                      {"/ocr", ChatCommand::kOcr},
                                      {"/clear", ChatCommand::kClear},
                                      {"/stats", ChatCommand::kStats},
                                      {"/help", ChatCommand::kHelp},
                                      {"/quit", ChatCommand::kQuit},
                                      {"/exit", ChatCommand::kQuit}}};
constexpr std::string_view kSpace = " \t\r\n";

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  names.reserve(kNames.size());
  for (const Name& each : kNames) names.emplace_back(each.name);
  return names;
}

}  // namespace

ChatLine parse_chat_line(std::string_view line) {
  const std::string_view text = trimmed(line);
  if (text.empty()) return {};
  const bool is_plain = is_plain_utf8(text);
  const auto parsed = [&](ChatCommand command, std::string_view argument) {
    return ChatLine{command, text::replace_invalid_utf8(argument), {}, is_plain};
  };
  if (text.starts_with("//")) return parsed(ChatCommand::kAsk, text.substr(1));
  if (!text.starts_with('/')) return parsed(ChatCommand::kAsk, text);
  const std::size_t end = std::min(text.find_first_of(kSpace), text.size());
  const std::string_view name = text.substr(0, end), argument = trimmed(text.substr(end));
  for (const Name& each : kNames) {
    if (each.name != name) continue;
    if (each.command == ChatCommand::kImage) return {each.command, std::string(argument)};
    return parsed(each.command, argument);
  }
  ChatLine unknown = parsed(ChatCommand::kUnknown, name);
  unknown.meant = closest(name, command_names());
  return unknown;
}

std::string chat_path(std::string_view text) {
  std::string path;
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                      text.back() == text.front();
  if (quoted) return std::string(text.substr(1, text.size() - 2));
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    path += text[i];
  }
  const char* home = std::getenv("HOME");
  const bool from_home = path == "~" || path.starts_with("~/");
  if (from_home && home != nullptr) path.replace(0, 1, home);
  return path;
}

}  // namespace oko::cli
