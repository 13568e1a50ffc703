#include <algorithm>
#include <string>
#include <string_view>

#include "index/library.h"
#include "text/utf8.h"

namespace oko::index {
namespace {

/// `*`: any text, `/` too; `?`: one letter.
bool matches_pattern(std::string_view text, std::string_view pattern) {
  std::size_t t = 0, p = 0, star = std::string_view::npos, after_star = 0;
  while (t < text.size()) {
    const std::size_t letter = text::next_utf8(text, t).length;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after_star = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      t += letter;
      ++p;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++t;
      ++p;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      after_star += text::next_utf8(text, after_star).length;
      t = after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace

bool matches(const Filter& filter, const Document& document) {
  if (!filter.kinds.empty() &&
      std::find(filter.kinds.begin(), filter.kinds.end(), document.kind) == filter.kinds.end()) {
    return false;
  }
  if (filter.from_date && document.date < *filter.from_date) return false;
  if (filter.to_date && document.date > *filter.to_date) return false;
  if (filter.path.empty()) return true;
  if (filter.path.find_first_of("*?") != std::string::npos) {
    return matches_pattern(document.path, filter.path);
  }
  const std::string_view path = document.path;
  const std::string folder = filter.path.ends_with('/') ? filter.path : filter.path + "/";
  return path == filter.path || path.starts_with(folder);
}

}  // namespace oko::index
