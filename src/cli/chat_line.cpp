#include "cli/chat_line.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <numeric>
#include <utility>
#include <vector>

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

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

/// Letters to insert, delete or replace to make `b` from `a` (Levenshtein).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

/// The command that begins with `name`, else one that differs in at most two letters.
std::string closest(std::string_view name) {
  std::string_view best;
  std::size_t least = 3;
  for (const Name& each : kNames) {
    const bool begins = name.size() > 1 && each.name.starts_with(name);
    const std::size_t distance = begins ? 0 : edit_distance(name, each.name);
    if (distance >= least) continue;
    least = distance;
    best = each.name;
  }
  return std::string(best);
}

}  // namespace

ChatLine parse_chat_line(std::string_view line) {
  const std::string valid = text::replace_invalid_utf8(trimmed(line));
  std::string_view text = valid;
  if (text.empty()) return {};
  if (text.starts_with("//")) return {ChatCommand::kAsk, std::string(text.substr(1))};
  if (!text.starts_with('/')) return {ChatCommand::kAsk, valid};
  const std::size_t end = std::min(text.find_first_of(kSpace), text.size());
  const std::string_view name = text.substr(0, end);
  for (const Name& each : kNames) {
    if (each.name == name) return {each.command, std::string(trimmed(text.substr(end)))};
  }
  return {ChatCommand::kUnknown, std::string(name), closest(name)};
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
