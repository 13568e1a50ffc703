#include "grammar/other_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>

#include "grammar/pattern.h"
#include "text/utf8.h"

namespace oko::grammar {
namespace {

/// Names by their letters.
struct NameNode {
  std::map<char32_t, NameNode> next;
  bool is_name = false;
};

std::u32string letters_of(std::string_view name) {
  std::u32string letters;
  for (std::size_t at = 0; at < name.size();) {
    const text::Utf8Step step = text::next_utf8(name, at);
    letters += step.code_point;
    at += step.length;
  }
  return letters;
}

void append(std::string& pattern, char32_t c) {
  const bool is_alphanumeric =
      (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  if (c >= 0x7F) {
    pattern += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(c));
  } else {
    if (!is_alphanumeric && c != ' ' && c != '_') pattern += '\\';
    pattern += static_cast<char>(c);
  }
}

/// What may follow the letters up to `node`. Without "?", as pattern.cpp writes patterns.
void append_others(std::string& pattern, const NameNode& node) {
  pattern += '(';
  if (node.next.empty()) {
    pattern += node.is_name ? ".+" : ".*";
  } else {
    pattern += "[^";
    for (const auto& [letter, next] : node.next) append(pattern, letter);
    pattern += "].*";
    for (const auto& [letter, next] : node.next) {
      pattern += '|';
      append(pattern, letter);
      append_others(pattern, next);
    }
    if (!node.is_name) pattern += '|';
  }
  pattern += ')';
}

}  // namespace

std::string pattern_of_other_names(const std::vector<std::string>& names) {
  NameNode root;
  std::size_t count = 0;
  for (const std::string& name : names) {
    const std::u32string letters = letters_of(name);
    if (letters.size() > kMostNameLength) return {};
    if (std::ranges::any_of(letters, needs_escape)) continue;
    NameNode* node = &root;
    for (const char32_t letter : letters) {
      const auto [place, is_new] = node->next.try_emplace(letter);
      node = &place->second;
      count += is_new ? 1 : 0;
    }
    node->is_name = true;
  }
  if (count > kMostNameLetters) return {};
  std::string pattern = "^";
  append_others(pattern, root);
  return pattern + "$";
}

}  // namespace oko::grammar
