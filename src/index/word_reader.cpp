#include "index/word_reader.h"

#include <vector>

#include "text/lowercase.h"
#include "text/normalize.h"
#include "text/unicode_table.h"
#include "text/utf8.h"

namespace oko::index {
namespace {

using text::UnicodeTable;

constexpr std::size_t kMaxWordBytes = 120;
constexpr std::size_t kMaxParts = 16;  // of a code: a path or an address has many

bool is_word_character(char32_t c) {
  const std::uint8_t properties = UnicodeTable::get()[c];
  return (properties & UnicodeTable::kWord) != 0 && c != '_';
}

bool is_digit(char32_t c) {
  return (UnicodeTable::get()[c] & UnicodeTable::kNumber) != 0;
}

bool is_apostrophe(char32_t c) {
  return c == '\'' || c == U'\u2019';
}

/// Signs that join the parts of a code.
bool is_joint(char32_t c) {
  constexpr std::u32string_view kJoints = U"-\u2010\u2011\u2012\u2013_/.\\:@#+";
  return kJoints.find(c) != std::u32string_view::npos;
}

}  // namespace

/// Words that joints hold together.
struct WordReader::Run {
  struct Part {
    std::size_t begin, end;
  };
  std::vector<Part> parts;
  bool has_digit = false;
  std::size_t end = 0;  ///< of the last part
};

WordReader::Run WordReader::run_at(std::string_view text, std::size_t at) const {
  Run run;
  bool in_word = false;
  while (at < text.size()) {
    const text::Utf8Step step = text::next_utf8(text, at);
    const std::size_t next = at + step.length;
    const auto follows_word = [&] {
      return next < text.size() && is_word_character(text::next_utf8(text, next).code_point);
    };
    if (is_word_character(step.code_point)) {
      const bool is_full = in_word && next - run.parts.back().begin > kMaxWordBytes;
      if (is_full) break;
      if (!in_word) run.parts.push_back({at, at});
      in_word = true;
      run.parts.back().end = run.end = next;
      run.has_digit |= is_digit(step.code_point);
    } else if (!in_word || !follows_word()) {
      break;
    } else if (!is_apostrophe(step.code_point)) {
      if (!is_joint(step.code_point) || run.parts.size() == kMaxParts) break;
      in_word = false;
    }
    at = next;
  }
  return run;
}

void WordReader::make_form(std::string_view word) {
  form_ = text::lowercase(text::normalize_text(word, storage_));
  for (const auto& [from, to] :
       {std::pair<std::string_view, std::string_view>{"ё", "е"}, {"\u2019", "'"}}) {
    for (std::size_t at = form_.find(from); at != std::string::npos; at = form_.find(from, at)) {
      form_.replace(at, from.size(), to);
    }
  }
}

bool WordReader::visit_run(std::string_view text, const Run& run,
                           const std::function<bool(const TextWord&)>& visit) {
  for (const Run::Part& part : run.parts) {
    make_form(text.substr(part.begin, part.end - part.begin));
    const TextWord word{
        .term = stemmer_.stem(form_), .form = form_, .begin = part.begin, .end = part.end};
    if (!visit(word)) return false;
  }
  if (run.parts.size() < 2 || !run.has_digit) return true;
  const std::size_t begin = run.parts.front().begin;
  if (run.end - begin > kMaxWordBytes) return true;
  make_form(text.substr(begin, run.end - begin));
  return visit({.term = form_, .form = form_, .begin = begin, .end = run.end, .is_code = true});
}

void WordReader::read(std::string_view text, const std::function<bool(const TextWord&)>& visit) {
  std::size_t at = 0;
  while (at < text.size()) {
    const text::Utf8Step step = text::next_utf8(text, at);
    if (!is_word_character(step.code_point)) {
      at += step.length;
      continue;
    }
    const Run run = run_at(text, at);
    if (!visit_run(text, run, visit)) return;
    at = run.end;
  }
}

}  // namespace oko::index
