#include "text/split.h"

#include "text/unicode_table.h"
#include "text/utf8.h"

namespace oko::text {
namespace {

constexpr std::uint8_t kLetter = UnicodeTable::kLetter;
constexpr std::uint8_t kSpace = UnicodeTable::kSpace;
constexpr std::uint8_t kNotPunctuation = kLetter | kSpace | UnicodeTable::kNumber;

/// Reads classes of characters in one text.
class Reader {
 public:
  explicit Reader(std::string_view text) : table_(UnicodeTable::get()), text_(text) {}

  bool at_end(std::size_t at) const { return at == text_.size(); }
  bool is_newline(std::size_t at) const {
    return !at_end(at) && (text_[at] == '\r' || text_[at] == '\n');
  }

  struct Character {
    std::uint8_t properties;
    std::size_t end;
  };
  Character read(std::size_t at) const {
    const Utf8Step step = next_valid_utf8(text_.data() + at);
    return {table_[step.code_point], at + step.length};
  }

  std::size_t skip_letters(std::size_t at) const {
    while (!at_end(at)) {
      const Character next = read(at);
      if (!(next.properties & kLetter)) break;
      at = next.end;
    }
    return at;
  }

  std::size_t skip_punctuation(std::size_t at) const {
    while (!at_end(at)) {
      const Character next = read(at);
      if (next.properties & kNotPunctuation) break;
      at = next.end;
    }
    return at;
  }

  /// End of `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at an apostrophe, or `at` if it does not match.
  std::size_t skip_contraction(std::size_t at) const {
    const std::string_view rest = text_.substr(at + 1, 2);
    const auto lower = [&](std::size_t i) { return i < rest.size() ? rest[i] | 0x20 : 0; };
    switch (lower(0)) {
      case 's':
      case 't':
      case 'm':
      case 'd':
        return at + 2;
      case 'r':
      case 'v':
        return lower(1) == 'e' ? at + 3 : at;
      case 'l':
        return lower(1) == 'l' ? at + 3 : at;
      default:
        // U+017F folds to "s".
        return rest == "\u017F" ? at + 3 : at;
    }
  }

  /// The alternatives for white space that no letter or punctuation consumed:
  /// `\s*[\r\n]+|\s+(?!\S)|\s+`.
  std::size_t skip_space(std::size_t at) const {
    std::size_t last = at, end = at, newline_end = at;
    while (!at_end(end)) {
      const Character next = read(end);
      if (!(next.properties & kSpace)) break;
      if (is_newline(end)) newline_end = next.end;
      last = end;
      end = next.end;
    }
    if (newline_end != at) return newline_end;
    return at_end(end) || last == at ? end : last;
  }

 private:
  const UnicodeTable& table_;
  std::string_view text_;
};

}  // namespace

std::size_t piece_end(std::string_view text, std::size_t at) {
  const Reader reader(text);
  if (text[at] == '\'') {
    if (const std::size_t end = reader.skip_contraction(at); end != at) return end;
  }
  const Reader::Character first = reader.read(at);
  if (first.properties & kLetter) return reader.skip_letters(first.end);
  if (first.properties & UnicodeTable::kNumber) return first.end;
  if (!reader.is_newline(at)) {
    if (const std::size_t end = reader.skip_letters(first.end); end != first.end) return end;
  }
  const std::size_t marks = text[at] == ' ' ? first.end : at;
  if (std::size_t end = reader.skip_punctuation(marks); end != marks) {
    while (reader.is_newline(end)) ++end;
    return end;
  }
  return reader.skip_space(at);
}

}  // namespace oko::text
