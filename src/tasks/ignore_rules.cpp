#include "tasks/ignore_rules.h"

#include <algorithm>

#include "base/text_escape.h"
#include "tasks/name_pattern.h"
#include "text/normalize.h"

namespace oko::tasks {
namespace {

constexpr std::string_view kAnyFolders = "**";

/// In NFC, unless it is not UTF-8: a Mac may have й as two characters.
std::string composed(std::string_view name) {
  std::string storage;
  return std::string(is_utf8(name) ? text::normalize_text(name, storage) : name);
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> segments;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('/', begin), text.size());
    segments.push_back(composed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return segments;
}

/// Segment by segment; reachable[j]: the pattern so far can match the first j names.
bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& names) {
  std::vector<bool> reachable(names.size() + 1);
  reachable[0] = true;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    std::vector<bool> next(names.size() + 1);
    const bool is_last = i + 1 == pattern.size();
    for (std::size_t j = 0; j <= names.size(); ++j) {
      if (!reachable[j]) continue;
      if (pattern[i] == kAnyFolders) {
        // At the end it stands for what is inside, so for one name at least.
        for (std::size_t k = is_last ? j + 1 : j; k <= names.size(); ++k) next[k] = true;
      } else if (j < names.size() && matches_name(pattern[i], names[j])) {
        next[j + 1] = true;
      }
    }
    reachable = std::move(next);
  }
  return reachable[names.size()];
}

/// A line without the white space at its end that no "\" protects.
std::string_view trimmed(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) {
    if (line.size() > 1 && line[line.size() - 2] == '\\') break;
    line.remove_suffix(1);
  }
  return line;
}

}  // namespace

void IgnoreRules::add(std::string_view folder, std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    add_rule(folder, trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
}

void IgnoreRules::add_rule(std::string_view folder, std::string_view line) {
  if (line.empty() || line[0] == '#') return;
  Rule rule;
  rule.folder = folder;
  if (!rule.folder.ends_with('/')) rule.folder += '/';
  rule.takes_in = line[0] == '!';
  if (rule.takes_in) line.remove_prefix(1);
  rule.only_folders = line.ends_with('/');
  if (rule.only_folders) line.remove_suffix(1);
  if (line.empty()) return;
  const bool is_bound = line.find('/') != std::string_view::npos;
  if (line[0] == '/') line.remove_prefix(1);
  rule.segments = split(line);
  if (!is_bound) rule.segments.insert(rule.segments.begin(), std::string(kAnyFolders));
  rules_.push_back(std::move(rule));
}

bool IgnoreRules::ignores(std::string_view path, bool is_folder) const {
  std::vector<std::string> names;
  std::size_t names_from = 0;  // bytes of the folder of the rule that they were made for
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
    if (!path.starts_with(rule->folder) || (rule->only_folders && !is_folder)) continue;
    if (names_from != rule->folder.size()) {
      names_from = rule->folder.size();
      names = split(path.substr(names_from));
    }
    if (matches(rule->segments, names)) return !rule->takes_in;
  }
  return false;
}

}  // namespace oko::tasks
