#include "index/snippet.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "index/word_reader.h"
#include "text/characters.h"
#include "text/code_point_count.h"
#include "text/utf8.h"

namespace oko::index {
namespace {

constexpr std::string_view kCut = "…";

/// A matched word of the text.
struct Match {
  std::size_t begin, end;
  std::string term;
};

std::vector<Match> matches_in(std::string_view text, const std::vector<std::string>& terms) {
  const std::unordered_set<std::string> wanted(terms.begin(), terms.end());
  std::vector<Match> matches;
  WordReader().read(text, [&](const TextWord& word) {
    std::string term(word.term);
    if (!wanted.contains(term)) return true;
    // A code covers its parts.
    while (!matches.empty() && matches.back().begin >= word.begin) matches.pop_back();
    matches.push_back({word.begin, word.end, std::move(term)});
    return true;
  });
  return matches;
}

/// The first match of the window of `bytes` with the most terms.
std::size_t best_window(const std::vector<Match>& matches, std::size_t bytes) {
  std::size_t best = 0, most = 0;
  for (std::size_t i = 0; i < matches.size(); ++i) {
    std::set<std::string_view> terms;
    for (std::size_t j = i; j < matches.size() && matches[j].end - matches[i].begin <= bytes; ++j) {
      terms.insert(matches[j].term);
    }
    if (terms.size() <= most) continue;
    most = terms.size();
    best = i;
  }
  return best;
}

constexpr std::size_t kNoSpace = std::string_view::npos;

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\t';
}

/// The place `letters` before or behind `at`, at the nearest white space inside, if there is any.
std::size_t back_by(std::string_view text, std::size_t at, std::size_t letters) {
  std::size_t space = kNoSpace;
  for (; at > 0 && letters > 0; --letters) {
    do --at;
    while (at > 0 && (text[at] & 0xc0) == 0x80);
    if (is_blank(text[at])) space = at + 1;
  }
  return at == 0 ? 0 : space == kNoSpace ? at : space;
}

std::size_t forward_by(std::string_view text, std::size_t at, std::size_t letters) {
  std::size_t space = kNoSpace;
  for (; at < text.size() && letters > 0; --letters) {
    at += text::next_utf8(text, at).length;
    if (at < text.size() && is_blank(text[at])) space = at;
  }
  return at >= text.size() ? text.size() : space == kNoSpace ? at : space;
}

std::optional<PageBox> around(const std::vector<LinePlace>& lines) {
  if (lines.empty()) return std::nullopt;
  PageBox box = lines.front().box;
  for (const LinePlace& line : lines) {
    const float right = std::max(box.left + box.width, line.box.left + line.box.width);
    const float bottom = std::max(box.top + box.height, line.box.top + line.box.height);
    box.left = std::min(box.left, line.box.left);
    box.top = std::min(box.top, line.box.top);
    box.width = right - box.left;
    box.height = bottom - box.top;
  }
  return box;
}

std::optional<PageBox> box_of(const Chunk& chunk, const std::vector<Match>& matches) {
  const LinePlace* best = nullptr;
  std::size_t most = 0;
  for (const LinePlace& line : chunk.lines) {
    std::set<std::string_view> terms;
    for (const Match& match : matches) {
      if (match.begin >= line.begin && match.begin < line.end) terms.insert(match.term);
    }
    if (terms.size() <= most) continue;
    most = terms.size();
    best = &line;
  }
  return best != nullptr ? best->box : around(chunk.lines);
}

/// Fills in the text from `begin` on, and its marks.
void fill(std::string_view text, const std::vector<Match>& matches, std::size_t begin,
          std::size_t max_letters, Snippet& snippet) {
  const std::size_t end = forward_by(text, begin, max_letters);

  if (begin > 0) snippet.text += kCut;
  auto match = matches.begin();
  bool after_space = true;
  for (std::size_t at = begin; at < end;) {
    while (match != matches.end() && match->begin < at) ++match;
    if (match != matches.end() && match->begin == at && match->end <= end) {
      snippet.marks.emplace_back(snippet.text.size(),
                                 snippet.text.size() + match->end - match->begin);
      snippet.text += text.substr(at, match->end - at);
      at = match->end;
      after_space = false;
      continue;
    }
    const text::Utf8Step step = text::next_utf8(text, at);
    const bool is_space = text::is_space(step.code_point) || text::is_control(step.code_point);
    if (!is_space) snippet.text += text.substr(at, step.length);
    if (is_space && !after_space) snippet.text += ' ';
    after_space = is_space;
    at += step.length;
  }
  if (end < text.size()) snippet.text += kCut;
}

}  // namespace

Snippet snippet_of(const Chunk& chunk, const std::vector<std::string>& terms,
                   std::size_t max_letters) {
  const std::string_view text = chunk.text;
  const std::vector<Match> matches = matches_in(text, terms);
  Snippet snippet{.text = {}, .marks = {}, .box = box_of(chunk, matches)};
  std::size_t begin = 0;
  if (!matches.empty() && text::code_point_count(text) > max_letters) {
    const std::size_t bytes = text.size() * max_letters / text::code_point_count(text);
    begin = back_by(text, matches[best_window(matches, bytes)].begin, max_letters / 4);
  }
  fill(text, matches, begin, max_letters, snippet);
  return snippet;
}

Snippet snippet_of_line(const Chunk& chunk, const LinePlace& line, std::size_t max_letters) {
  const std::string_view text = chunk.text;
  Snippet snippet{.text = {}, .marks = {}, .box = line.box};
  const bool is_long = text::code_point_count(text) > max_letters;
  const std::size_t begin = is_long ? back_by(text, line.begin, max_letters / 4) : 0;
  fill(text, {}, begin, max_letters, snippet);
  return snippet;
}

}  // namespace oko::index
