#include "text/sentences.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "text/abbreviations.h"
#include "text/characters.h"
#include "text/grapheme.h"
#include "text/lowercase.h"
#include "text/utf8.h"

namespace oko::text {
namespace {

struct Character {
  char32_t value = 0;  ///< 0 at the end of the text
  std::size_t length = 0;
};

Character character_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return {};
  const Utf8Step step = next_utf8(text, at);
  return {step.code_point, step.length};
}

bool is_sentence_letter(char32_t c) {
  if (c < 0x80) return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool is_small(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z';
  return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_LL;
}

bool is_capital(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z';
  return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_LU;
}

bool is_decimal(char32_t c) {
  return c >= '0' && c <= '9';
}

bool is_terminator(char32_t c) {
  return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x203C || c == 0x203D ||
         (c >= 0x2047 && c <= 0x2049);
}

/// Marks of Chinese and Japanese, which no space follows.
bool is_wide_terminator(char32_t c) {
  return c == 0x3002 || c == 0xFF01 || c == 0xFF0E || c == 0xFF1F;
}

bool is_closing(char32_t c) {
  return c == '"' || c == '\'' || c == ')' || c == ']' || c == '}' || c == 0xBB || c == 0x2019 ||
         c == 0x201D || c == 0x201C || c == 0x203A || c == 0x300D || c == 0x300F || c == 0xFF09;
}

bool is_opening(char32_t c) {
  return c == '"' || c == '\'' || c == '(' || c == '[' || c == '{' || c == 0xAB || c == 0x2018 ||
         c == 0x201C || c == 0x201E || c == 0x2039 || c == 0xBF || c == 0xA1;
}

bool is_dash(char32_t c) {
  return c == '-' || (c >= 0x2010 && c <= 0x2015) || c == 0x2212;
}

bool is_bullet(char32_t c) {
  return is_dash(c) || c == '*' || c == 0x2022 || c == 0x25E6 || c == 0x2043 || c == 0xB7 ||
         c == 0x25AA || c == 0x25CF;
}

class SentenceScanner {
 public:
  explicit SentenceScanner(std::string_view text) : text_(text) {}

  std::vector<Sentence> scan() {
    while (at_ < text_.size()) step();
    finish(text_.size(), true);
    return std::move(sentences_);
  }

 private:
  /// White space, unless marks of the next characters belong to it.
  bool is_blank(std::size_t at, const Character& c) const {
    if (c.length == 0 || !is_space(c.value)) return false;
    const std::size_t next = at + c.length;
    const bool may_join = next < text_.size() && (text_[next] & 0x80) != 0;
    return !may_join || grapheme_end(text_.substr(0, next + 4), at) == next;
  }

  void step() {
    const Character c = character_at(text_, at_);
    if (is_blank(at_, c)) {
      read_space();
      return;
    }
    if (begin_ == kNone) begin_ = at_;
    if (is_terminator(c.value) || is_wide_terminator(c.value)) {
      read_terminators();
      return;
    }
    const bool is_of_word = is_sentence_letter(c.value) || is_decimal(c.value) || c.value == '-';
    if (!is_of_word) {
      word_ = kNone;
    } else if (word_ == kNone) {
      word_ = at_;
    }
    at_ += c.length;
    end_ = at_;
  }

  /// An empty line ends a sentence, and a line break before an item of a list.
  void read_space() {
    int breaks = 0;
    before_word_ = word_ == kNone ? before_word_ : TextRange{word_, at_};
    word_ = kNone;
    for (Character c = character_at(text_, at_); is_blank(at_, c); c = character_at(text_, at_)) {
      if (c.value == '\n' || c.value == 0x2029) ++breaks;
      if (c.value == 0x2029 || c.value == '\f') ++breaks;
      at_ += c.length;
    }
    if (breaks > 1) {
      finish(end_, true);
    } else if (breaks == 1 && begins_item(at_)) {
      finish(end_, false);
    }
  }

  /// "- word", "• word", "12. word", "3) word".
  bool begins_item(std::size_t at) const {
    Character c = character_at(text_, at);
    if (is_bullet(c.value)) {
      at += c.length;
    } else {
      const std::size_t first = at;
      constexpr std::size_t kMostDigits = 3;
      while (is_decimal(c.value) && at - first < kMostDigits) c = character_at(text_, ++at);
      if (at == first || (c.value != '.' && c.value != ')')) return false;
      ++at;
    }
    c = character_at(text_, at);
    return is_blank(at, c) && c.value != '\n';
  }

  /// Reads ".", "?!", "...", with quotes and brackets that close behind them.
  void read_terminators() {
    const std::size_t first = at_;
    bool is_wide = false, is_period = true;
    Character c = character_at(text_, at_);
    for (; is_terminator(c.value) || is_wide_terminator(c.value); c = character_at(text_, at_)) {
      is_wide = is_wide || is_wide_terminator(c.value);
      is_period = is_period && c.value == '.' && at_ == first;
      at_ += c.length;
    }
    const std::size_t behind = at_;
    while (is_closing(c.value)) {
      at_ += c.length;
      c = character_at(text_, at_);
    }
    end_ = at_;
    const bool is_at_end = at_ == text_.size() || is_blank(at_, c);
    if (!is_at_end && !is_wide) {  // "3.14", "example.com"
      if (behind > first + 1 || at_ > behind || !is_period) word_ = kNone;
      return;
    }
    if (!is_at_end && grapheme_end(text_.substr(0, at_ + 4), before(at_)) != at_) return;
    const bool ends = is_wide || ends_sentence(first, is_period);
    if (ends) {
      finish(end_, false);
    } else if (word_ != kNone) {
      before_word_ = {word_, at_};
    }
    word_ = kNone;
  }

  /// The begin of the character before `at`.
  std::size_t before(std::size_t at) const {
    do {
      --at;
    } while (at > 0 && (text_[at] & 0xC0) == 0x80);
    return at;
  }

  /// The first letter, digit or sign of the text that follows, after a quote or a dash.
  char32_t next_sign() const {
    constexpr std::size_t kFarthest = 64;  // bytes
    std::size_t at = at_;
    Character c = character_at(text_, at);
    while (at < at_ + kFarthest && (is_blank(at, c) || is_opening(c.value) || is_dash(c.value))) {
      at += c.length;
      c = character_at(text_, at);
    }
    return c.value;
  }

  bool ends_sentence(std::size_t mark, bool is_period) const {
    const char32_t next = next_sign();
    if (is_small(next)) return false;
    if (!is_period || word_ == kNone) return true;
    const std::string_view word = text_.substr(word_, mark - word_);
    const Character first = character_at(word, 0);
    if (is_decimal(first.value)) return !is_number_of_item(word);
    const bool is_letter = first.length == word.size();
    if (is_letter && is_capital(first.value)) return !is_initial(first.value, next);
    const bool is_abbreviation = is_letter ? follows_letter() : is_of_letters_and_periods(word);
    if (is_abbreviation && !is_end_of_list(word)) return false;
    switch (abbreviation_of(lowercase(word.substr(0, 64)))) {
      case Abbreviation::kNone:
        return true;
      case Abbreviation::kGoesOn:  // but "5 м."
        return is_end_of_list(word) || (is_letter && follows_number());
      case Abbreviation::kBeforeDigit:
        return !is_decimal(next);
      case Abbreviation::kAfterDigit:
        return !is_decimal(next) && follows_number();
    }
    return true;
  }

  /// "1." at the begin of a sentence.
  bool is_number_of_item(std::string_view word) const {
    constexpr std::size_t kMostDigits = 3;
    return word_ == begin_ && word.size() <= kMostDigits;
  }

  /// "А." before a name; "I." only at the begin or after another initial.
  bool is_initial(char32_t letter, char32_t next) const {
    if (!is_capital(next)) return false;
    return letter != 'I' || word_ == begin_ || before_word_.of(text_).ends_with('.');
  }

  /// "т. е": a letter with a period is before the word.
  bool follows_letter() const {
    const std::string_view last = before_word_.of(text_);
    const Character letter = character_at(last, 0);
    return is_sentence_letter(letter.value) && last.substr(letter.length) == ".";
  }

  /// "т.е", "U.S": letters with periods between them.
  static bool is_of_letters_and_periods(std::string_view word) {
    bool has_period = false, after_period = true;
    for (std::size_t at = 0; at < word.size();) {
      const Character c = character_at(word, at);
      if (after_period != is_sentence_letter(c.value)) return false;
      if (!after_period && c.value != '.') return false;
      has_period = has_period || c.value == '.';
      after_period = !after_period;
      at += c.length;
    }
    return has_period;
  }

  /// "и т. д.", "и т.п.", "и др.", "a.m.": may end a sentence.
  bool is_end_of_list(std::string_view word) const {
    const std::string lower = lowercase(word.substr(0, 16));
    if (lower == "т.д" || lower == "т.п" || lower == "a.m" || lower == "p.m") return true;
    const std::string_view last = before_word_.of(text_);
    return (lower == "д" || lower == "п") && (last == "т." || last == "т");
  }

  /// A number in digits or in Roman capitals is before the word.
  bool follows_number() const {
    const std::string_view last = before_word_.of(text_);
    return !last.empty() && (is_decimal(static_cast<unsigned char>(last[0])) ||
                             last.find_first_not_of("IVXLC-") == std::string_view::npos);
  }

  void finish(std::size_t end, bool ends_paragraph) {
    if (begin_ != kNone) {
      sentences_.push_back({{begin_, std::min(end, end_)}, ends_paragraph});
    } else if (ends_paragraph && !sentences_.empty()) {
      sentences_.back().ends_paragraph = true;
    }
    begin_ = word_ = kNone;
    before_word_ = {};
  }

  static constexpr std::size_t kNone = std::string_view::npos;

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t begin_ = kNone;  ///< of the sentence
  std::size_t end_ = 0;        ///< of its last character that is no white space
  std::size_t word_ = kNone;   ///< begin of the word before `at_`, with inner periods
  TextRange before_word_;      ///< the word before that one
  std::vector<Sentence> sentences_;
};

}  // namespace

std::vector<Sentence> sentences(std::string_view text) {
  return SentenceScanner(text).scan();
}

}  // namespace oko::text
