#include <fnmatch.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "index/library.h"

namespace oko::index {
namespace {

/// For fnmatch, which knows more than * and ?.
std::string without_classes(std::string_view pattern) {
  std::string escaped;
  for (const char c : pattern) {
    if (c == '[' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
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
    return ::fnmatch(without_classes(filter.path).c_str(), document.path.c_str(), 0) == 0;
  }
  const std::string_view path = document.path;
  const std::string folder = filter.path.ends_with('/') ? filter.path : filter.path + "/";
  return path == filter.path || path.starts_with(folder);
}

}  // namespace oko::index
