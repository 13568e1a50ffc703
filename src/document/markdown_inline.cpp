#include "document/markdown_inline.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "document/html_entities.h"
#include "text/utf8.h"

namespace oko::document {
namespace {

constexpr std::size_t kNowhere = std::string_view::npos;

bool is_ascii_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_ascii_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_markdown_mark(char c) {
  constexpr std::string_view kMarks = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
  return kMarks.find(c) != kNowhere;
}

bool is_blank_char(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}

/// True for bytes of a word: ASCII letters and digits, and all beyond ASCII.
bool is_word_byte(char c) {
  return is_ascii_letter(c) || is_ascii_digit(c) || (c & 0x80) != 0;
}

class InlineReader {
 public:
  explicit InlineReader(std::string_view text) : text_(text) {
    match_brackets();
    match_backticks();
  }

  std::string read() {
    while (at_ < text_.size()) step();
    return std::move(words_);
  }

 private:
  /// Finds each "]" that ends a "[".
  void match_brackets() {
    std::size_t open = 0;
    ends_.resize(text_.size());
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '[') {
        ++open;
      } else if (text_[i] == ']' && open > 0) {
        ends_[i] = true;
        --open;
      }
    }
  }

  /// For each run of backticks the next one of its length.
  void match_backticks() {
    std::map<std::size_t, std::size_t> last;  // by length
    for (std::size_t end = text_.size(); end > 0;) {
      if (text_[end - 1] != '`') {
        --end;
        continue;
      }
      std::size_t begin = end;
      while (begin > 0 && text_[begin - 1] == '`') --begin;
      const auto found = last.find(end - begin);
      if (found != last.end()) code_ends_[begin] = found->second;
      last[end - begin] = begin;
      end = begin;
    }
  }

  char next(std::size_t ahead = 1) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void step() {
    const char c = text_[at_];
    if (c == '\\' && is_markdown_mark(next())) {
      words_ += next();
      at_ += 2;
    } else if (c == '`') {
      read_code();
    } else if (c == '<') {
      read_angle();
    } else if (c == '&') {
      read_entity();
    } else if (c == '[' || (c == '!' && next() == '[')) {
      at_ += c == '!' ? 2 : 1;  // its text follows
    } else if (c == ']') {
      end_link();
    } else if (c == '*' || c == '_' || c == '~') {
      read_marks(c);
    } else {
      words_ += c;
      ++at_;
    }
  }

  void read_code() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] == '`') ++at_;
    const auto found = code_ends_.find(begin);
    if (found == code_ends_.end()) return;
    words_ += text_.substr(at_, found->second - at_);
    at_ = found->second + (at_ - begin);
  }

  /// A tag, a comment, or an address in angle brackets.
  void read_angle() {
    constexpr std::size_t kLongest = 2048;
    if (text_.substr(at_, 4) == "<!--") {
      const std::size_t end = text_.find("-->", at_);
      at_ = end == kNowhere ? text_.size() : end + 3;
      return;
    }
    const std::size_t end = text_.substr(0, at_ + kLongest).find('>', at_);
    const char first = next();
    if (end == kNowhere || !(is_ascii_letter(first) || first == '/' || first == '!')) {
      words_ += '<';
      ++at_;
      return;
    }
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    const std::size_t mark = inside.find_first_of(":@ \n/=");
    const bool is_address =
        mark != kNowhere && mark > 1 && (inside[mark] == ':' || inside[mark] == '@');
    words_ += is_address ? inside : inside.starts_with("br") ? "\n" : " ";
    at_ = end + 1;
  }

  void read_entity() {
    const HtmlEntity entity = entity_at(text_, at_);
    const bool is_entity = entity.length > 0 && text_[at_ + entity.length - 1] == ';';
    if (is_entity) {
      oko::text::append_utf8(words_, entity.code_point);
    } else {
      words_ += '&';
    }
    at_ += is_entity ? entity.length : 1;
  }

  /// After the text of a link: its address, or the name of a reference.
  void end_link() {
    const bool is_link = ends_[at_];
    const char opening = next();
    ++at_;
    if (!is_link || (opening != '(' && opening != '[')) return;
    constexpr std::size_t kLongest = 4096;
    const char closing = opening == '(' ? ')' : ']';
    constexpr int kDeepest = 32;  // as CommonMark
    int depth = 0;
    for (std::size_t i = at_; i < std::min(text_.size(), at_ + kLongest); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == opening) {
        if (++depth > kDeepest) return;
      } else if (text_[i] == closing && --depth == 0) {
        at_ = i + 1;
        return;
      }
    }
  }

  /// Marks of emphasis touch a word on one side; "_" not on both, and "*" between spaces or digits
  /// is a sign.
  void read_marks(char c) {
    std::size_t end = at_;
    while (end < text_.size() && text_[end] == c) ++end;
    const char before = at_ == 0 ? ' ' : text_[at_ - 1];
    const char after = end == text_.size() ? ' ' : text_[end];
    const bool is_between_words = is_word_byte(before) && is_word_byte(after);
    const bool is_apart = is_blank_char(before) && is_blank_char(after);
    const bool is_between_digits = is_ascii_digit(before) && is_ascii_digit(after);
    const bool is_text = is_apart || (c == '_' && is_between_words) || is_between_digits ||
                         (c == '~' && end - at_ != 2);
    if (is_text) words_ += text_.substr(at_, end - at_);
    at_ = end;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<bool> ends_;  ///< by place: true for "]" of a "["
  std::unordered_map<std::size_t, std::size_t>
      code_ends_;  ///< begin of the closing run by the opening one
  std::string words_;
};

}  // namespace

std::string markdown_words(std::string_view text) {
  return InlineReader(text).read();
}

}  // namespace oko::document
