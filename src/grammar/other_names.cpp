#include "grammar/other_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
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

/// What may follow the letters up to `node`; from `levels` letters on nothing does that a name has.
/// Without "?", as pattern.cpp writes patterns.
void append_others(std::string& pattern, const NameNode& node, std::size_t levels) {
  pattern += '(';
  if (node.next.empty()) {
    pattern += node.is_name ? ".+" : ".*";
  } else {
    pattern += "[^";
    for (const auto& [letter, next] : node.next) append(pattern, letter);
    pattern += "].*";
    for (const auto& [letter, next] : node.next) {
      if (levels <= 1) break;
      pattern += '|';
      append(pattern, letter);
      append_others(pattern, next, levels - 1);
    }
    if (!node.is_name) pattern += '|';
  }
  pattern += ')';
}

}  // namespace

OtherNames pattern_of_other_names(const std::vector<std::string>& names, std::size_t most_states) {
  NameNode root;
  std::vector<std::size_t> nodes(most_states + 1);  // of each level
  for (const std::string& name : names) {
    const std::u32string letters = letters_of(name);
    if (std::ranges::any_of(letters, needs_escape)) continue;
    NameNode* node = &root;
    const std::size_t levels = std::min(letters.size(), most_states);
    for (std::size_t level = 0; level < levels; ++level) {
      const auto [place, is_new] = node->next.try_emplace(letters[level]);
      node = &place->second;
      nodes[level] += is_new ? 1 : 0;
    }
    if (levels == letters.size()) node->is_name = true;
  }
  OtherNames others{"^", 1};  // the root
  std::size_t levels = 1;
  while (levels <= most_states && others.states + nodes[levels - 1] <= most_states) {
    others.states += nodes[levels++ - 1];
  }
  append_others(others.pattern, root, levels);
  others.pattern += '$';
  return others;
}

}  // namespace oko::grammar
