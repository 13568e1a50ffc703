#include "index/query_parts.h"

#include <algorithm>
#include <utility>

#include "index/word_reader.h"
#include "text/unicode_table.h"
#include "text/utf8.h"

namespace oko::index {
namespace {

/// True if the character before `at` is a letter or digit: in 5" a quotation mark means inches.
bool follows_word(std::string_view text, std::size_t at) {
  if (at == 0) return false;
  std::size_t begin = at - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  const char32_t before = text::next_utf8(text, begin).code_point;
  return (text::UnicodeTable::get()[before] & text::UnicodeTable::kWord) != 0;
}

}  // namespace

std::vector<QueryPart> query_parts(std::string_view query) {
  // Each opening quotation mark and the one that closes it.
  constexpr std::pair<std::string_view, std::string_view> kMarks[] = {
      {"\"", "\""}, {"«", "»"}, {"“", "”"}, {"„", "“"}};
  std::vector<QueryPart> parts;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < query.size(); ++at) {
    for (const auto& [open, close] : kMarks) {
      if (query.compare(at, open.size(), open) != 0) continue;
      if (open == close && follows_word(query, at)) continue;
      const std::size_t inside = at + open.size();
      const std::size_t end = query.find(close, inside);
      if (end == std::string_view::npos) continue;
      parts.push_back({.text = query.substr(begin, at - begin)});
      parts.push_back({.text = query.substr(inside, end - inside), .is_phrase = true});
      begin = end + close.size();
      at = begin - 1;
      break;
    }
  }
  parts.push_back({.text = query.substr(begin)});
  std::erase_if(parts, [](const QueryPart& part) { return part.text.empty(); });
  return parts;
}

bool has_phrase(std::string_view query) {
  bool has_word = false;
  for (const QueryPart& part : query_parts(query)) {
    if (!part.is_phrase) continue;
    WordReader().read(part.text, [&](const TextWord&) {
      has_word = true;
      return false;
    });
  }
  return has_word;
}

}  // namespace oko::index
