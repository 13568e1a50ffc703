#include "cli/path_completion.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "base/text_escape.h"
#include "cli/chat_line.h"

namespace oko::cli {
namespace {

namespace fs = std::filesystem;

/// The text behind "/image ", without the space in front; nothing for other lines.
std::optional<std::string_view> typed_path(std::string_view line) {
  constexpr std::string_view kSpace = " \t", kCommand = "/image";
  line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
  if (!line.starts_with(kCommand)) return std::nullopt;
  line.remove_prefix(kCommand.size());
  if (line.empty() || kSpace.find(line.front()) == std::string_view::npos) return std::nullopt;
  line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
  return line;
}

/// True for names without control characters and broken bytes.
bool is_typeable(const std::string& name) {
  return is_plain_utf8(name) && one_line(name) == name;
}

/// The names in `folder` that begin with `begin`.
std::vector<std::string> names_in(const fs::path& folder, std::string_view begin) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(folder.empty() ? "." : folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().filename().string();
    const bool is_hidden = name.starts_with('.') && !begin.starts_with('.');
    if (is_hidden || !name.starts_with(begin) || !is_typeable(name)) continue;
    std::error_code ignored;
    if (entry->is_directory(ignored)) name += '/';
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The longest text of whole characters with which all `names` begin.
std::string_view common_begin(const std::vector<std::string>& names) {
  const std::string &first = names.front(), &last = names.back();  // sorted
  const auto end = std::mismatch(first.begin(), first.end(), last.begin(), last.end()).first;
  auto size = static_cast<std::size_t>(end - first.begin());
  while (size > 0 && size < first.size() && (first[size] & 0xC0) == 0x80) --size;
  return std::string_view(first).substr(0, size);
}

}  // namespace

Completion complete_path(std::string_view line) {
  const std::optional<std::string_view> typed = typed_path(line);
  if (!typed) return {};
  const bool is_quoted = typed->starts_with('"') || typed->starts_with('\'');
  const char quote = is_quoted ? typed->front() : '\0';
  const std::string path = is_quoted ? std::string(typed->substr(1)) : chat_path(*typed);
  const std::size_t name = path.rfind('/') + 1;
  const std::string_view begin = std::string_view(path).substr(name);
  Completion completion{true, {}, names_in(path.substr(0, name), begin)};
  if (completion.names.empty()) return completion;
  const std::string_view common = common_begin(completion.names).substr(begin.size());
  for (const char c : common) {
    const bool opens_quote = typed->empty() && completion.added.empty() && (c == '"' || c == '\'');
    if (!is_quoted && (c == '\\' || opens_quote)) completion.added += '\\';
    completion.added += c;
  }
  const bool is_file = completion.names.size() == 1 && !completion.names.front().ends_with('/');
  if (is_file && is_quoted) completion.added += quote;
  return completion;
}

}  // namespace oko::cli
