#include "grammar/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/localized_text.h"
#include "text/utf8.h"

namespace oko::grammar {
namespace {

constexpr int kMostGroups = 20;  // inside of each other
constexpr std::uint64_t kMostRepeats = kMostPatternSteps;

bool is_digit(char32_t c) {
  return c >= '0' && c <= '9';
}

bool is_alphanumeric(char32_t c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Reads a pattern once, from left to right, and counts the steps of an automaton for it.
class PatternReader {
 public:
  /// `before`: steps of other patterns.
  PatternReader(std::u32string pattern, const std::string& place, std::uint64_t before)
      : pattern_(std::move(pattern)), place_(place), before_(before) {}

  /// Sets `steps` to those of all.
  std::string read(std::uint64_t& steps) {
    if (peek() == '^') take();
    steps = before_ + alternatives(0);
    if (at_ < pattern_.size()) refuse(tr("a ) without (", "есть ) без ("));
    return std::move(ascii_);
  }

 private:
  [[noreturn]] void refuse(const LocalizedText& reason) const {
    throw Error(ErrorCode::kUsage, tr("{}: {} (letter {})", "{}: {} (буква {})", place_, reason,
                                      std::min(at_, pattern_.size()) + 1));
  }
  [[noreturn]] void refuse_unsupported(char32_t c) const {
    std::string letter = "\\";
    text::append_utf8(letter, c);
    refuse(tr("{} is not supported in a pattern", "{} в шаблоне не поддерживается", letter));
  }
  void check_steps(std::uint64_t steps) const {
    if (before_ + steps <= kMostPatternSteps) return;
    throw Error(ErrorCode::kUsage,
                tr("{}: with their repetitions the patterns have more than {} steps",
                   "{}: в шаблонах с повторениями больше {} шагов", place_, kMostPatternSteps));
  }

  char32_t peek() const { return at_ < pattern_.size() ? pattern_[at_] : U'\0'; }
  bool is_at_end() const { return at_ == pattern_.size(); }
  char32_t skip() {
    if (is_at_end()) refuse(tr("the pattern is not finished", "шаблон не закончен"));
    return pattern_[at_++];
  }
  void take() { ascii_ += static_cast<char>(skip()); }

  std::uint64_t alternatives(int depth) {
    std::uint64_t steps = sequence(depth);
    while (peek() == '|') {
      take();
      steps += 1 + sequence(depth);
      check_steps(steps);
    }
    return steps;
  }

  std::uint64_t sequence(int depth) {
    std::uint64_t steps = 0;
    while (!is_at_end() && peek() != '|' && peek() != ')') {
      if (peek() == '$' && at_ + 1 == pattern_.size()) {
        take();
        break;
      }
      steps += repeated(atom(depth));
      check_steps(steps);
    }
    return steps;
  }

  std::uint64_t atom(int depth) {
    const char32_t c = peek();
    switch (c) {
      case '(':
        return group(depth);
      case '[':
        return letter_class();
      case '.':
        take();
        return 1;
      case '\\':
        ++at_;
        escape(/*in_class=*/false, /*may_need_escape=*/false);
        return 1;
      default:
        break;
    }
    if (std::u32string_view(U"^$*+?{}]").find(c) != std::u32string_view::npos) {
      std::string letter;
      text::append_utf8(letter, c);
      refuse(tr("{} is not allowed here", "{} здесь нельзя", letter));
    }
    if (needs_escape(c)) refuse_quote();
    append(skip(), false);
    return 1;
  }

  [[noreturn]] void refuse_quote() const {
    refuse(tr("a pattern cannot ask for quotes, backslashes or control characters",
              "шаблон не может требовать кавычек, обратной черты или управляющих символов"));
  }

  std::uint64_t group(int depth) {
    if (depth == kMostGroups) {
      refuse(tr("more than {} groups in each other", "больше {} групп друг в друге", kMostGroups));
    }
    take();
    if (peek() == '?') {
      take();
      if (peek() != ':') {
        refuse(tr("only groups ( and (?: are supported", "есть только группы ( и (?:"));
      }
      take();
    }
    const std::uint64_t steps = alternatives(depth + 1);
    if (peek() != ')') refuse(tr("a ( without )", "есть ( без )"));
    take();
    return steps;
  }

  std::uint64_t letter_class() {
    take();
    const bool is_negated = peek() == '^';
    if (is_negated) take();
    if (peek() == ']') refuse(tr("an empty class", "пустой класс"));
    while (peek() != ']') {
      if (is_at_end()) refuse(tr("a [ without ]", "есть [ без ]"));
      const char32_t c = skip();
      if (c == '\\') {
        escape(/*in_class=*/true, is_negated);
      } else if (needs_escape(c) && !is_negated) {
        refuse_quote();
      } else {
        append(c, c == '[');
      }
    }
    take();
    return 1;
  }

  /// What follows a backslash.
  void escape(bool in_class, bool may_need_escape) {
    const char32_t c = skip();
    if (std::u32string_view(U"dDwWsS").find(c) != std::u32string_view::npos) {
      ascii_ += '\\';
      ascii_ += static_cast<char>(c);
      return;
    }
    char32_t meant = c;
    if (c == 'x') {
      meant = hexadecimal(2);
    } else if (c == 'u') {
      meant = peek() == '{' ? braced() : hexadecimal(4);
    } else if (c == 'n' || c == 't' || c == 'r' || c == 'f' || c == 'v') {
      meant = c == 'n' ? '\n' : '\t';
    } else if (is_alphanumeric(c) || c >= 0x80) {
      refuse_unsupported(c);
    }
    if (needs_escape(meant)) {
      if (!may_need_escape) refuse_quote();
      if (meant < 0x20) return;  // no string has it
    }
    append(meant, !is_alphanumeric(meant) && (!in_class || meant != ' '));
  }

  char32_t hexadecimal(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) value = value * 16 + digit_of(skip());
    return value;
  }
  char32_t braced() {
    skip();
    char32_t value = 0;
    while (peek() != '}') {
      value = value * 16 + digit_of(skip());
      if (value > 0x10FFFF) refuse(tr("no such character", "такого символа нет"));
    }
    skip();
    return value;
  }
  char32_t digit_of(char32_t c) const {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    refuse(tr("a hexadecimal digit is missing", "нет шестнадцатеричной цифры"));
  }

  void append(char32_t c, bool is_escaped) {
    if (c >= 0x7F) {
      ascii_ += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(c));
      return;
    }
    if (is_escaped) ascii_ += '\\';
    ascii_ += static_cast<char>(c);
  }

  /// The steps of `steps` with the quantifier that follows.
  std::uint64_t repeated(std::uint64_t steps) {
    const char32_t c = peek();
    if (c == '*' || c == '+' || c == '?') {
      take();
    } else if (c == '{') {
      take();
      const std::uint64_t least = count();
      std::uint64_t most = least;
      if (peek() == ',') {
        take();
        if (peek() != '}') most = count();
      }
      if (peek() != '}' || most < least) refuse(tr("wrong repetition", "неверное повторение"));
      take();
      steps *= std::max<std::uint64_t>(most, 1);
    } else {
      return steps;
    }
    if (peek() == '?') skip();  // whether it prefers more or less does not matter
    if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{') {
      refuse(tr("two repetitions in a row", "два повторения подряд"));
    }
    return steps + 1;
  }

  std::uint64_t count() {
    if (!is_digit(peek())) refuse(tr("wrong repetition", "неверное повторение"));
    std::uint64_t value = 0;
    while (is_digit(peek())) {
      value = value * 10 + (peek() - '0');
      take();
      if (value > kMostRepeats) {
        refuse(tr("more than {} repetitions", "больше {} повторений", kMostRepeats));
      }
    }
    return value;
  }

  std::u32string pattern_;
  const std::string& place_;
  std::uint64_t before_;
  std::size_t at_ = 0;
  std::string ascii_;
};

}  // namespace

std::string checked_pattern(std::string_view pattern, const std::string& place,
                            std::uint64_t& steps) {
  std::u32string letters;
  for (std::size_t at = 0; at < pattern.size();) {
    const text::Utf8Step step = text::next_utf8(pattern, at);
    letters += step.code_point;
    at += step.length;
  }
  if (letters.size() > kMostPatternLetters) {
    throw Error(ErrorCode::kUsage, tr("{}: the pattern has {} letters, the limit is {}",
                                      "{}: в шаблоне букв {}, предел — {}", place, letters.size(),
                                      kMostPatternLetters));
  }
  return PatternReader(std::move(letters), place, steps).read(steps);
}

}  // namespace oko::grammar
