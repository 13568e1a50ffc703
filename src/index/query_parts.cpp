#include "index/query_parts.h"

#include <algorithm>
#include <utility>

#include "index/word_reader.h"

namespace oko::index {

std::vector<QueryPart> query_parts(std::string_view query) {
  // Each opening quotation mark and the one that closes it.
  constexpr std::pair<std::string_view, std::string_view> kMarks[] = {
      {"\"", "\""}, {"«", "»"}, {"“", "”"}, {"„", "“"}};
  std::vector<QueryPart> parts;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < query.size(); ++at) {
    for (const auto& [open, close] : kMarks) {
      if (query.compare(at, open.size(), open) != 0) continue;
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
