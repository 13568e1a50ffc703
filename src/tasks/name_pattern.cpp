#include "tasks/name_pattern.h"

#include <array>
#include <cctype>
#include <cstddef>
#include <optional>
#include <utility>

#include "text/utf8.h"

namespace oko::tasks {
namespace {

/// A character, or a byte of a name that is not UTF-8: behind all characters, so that it equals
/// itself alone.
constexpr char32_t kFirstByte = 0x200000;

struct Character {
  char32_t code = 0;
  std::size_t length = 1;
};

Character character_at(std::string_view text, std::size_t at) {
  const text::Utf8Step step = text::next_utf8(text, at);
  if (step.kind == text::Utf8Step::Kind::kValid) return {step.code_point, step.length};
  return {kFirstByte + static_cast<unsigned char>(text[at]), 1};
}

/// A class of POSIX, such as "[:digit:]", of ASCII.
bool is_of_class(std::string_view name, char32_t code) {
  constexpr std::array<std::pair<std::string_view, int (*)(int)>, 11> kClasses{
      {{"alnum", std::isalnum},
       {"alpha", std::isalpha},
       {"blank", std::isblank},
       {"cntrl", std::iscntrl},
       {"digit", std::isdigit},
       {"graph", std::isgraph},
       {"lower", std::islower},
       {"print", std::isprint},
       {"punct", std::ispunct},
       {"space", std::isspace},
       {"upper", std::isupper}}};
  for (const auto& [known, is_of] : kClasses) {
    if (known == name) return code < 0x80 && is_of(static_cast<int>(code)) != 0;
  }
  return name == "xdigit" && code < 0x80 && std::isxdigit(static_cast<int>(code)) != 0;
}

struct Brackets {
  bool matches = false;
  std::size_t end = 0;  ///< behind the "]"
};

/// The set that begins at `at`, a "["; nothing if it has no end.
std::optional<Brackets> brackets_at(std::string_view pattern, std::size_t at, char32_t code) {
  ++at;
  const bool is_negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (is_negated) ++at;
  bool is_in = false;
  const auto next = [&] {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    const Character character = character_at(pattern, at);
    at += character.length;
    return character.code;
  };
  for (bool is_first = true; at < pattern.size(); is_first = false) {
    if (pattern[at] == ']' && !is_first) return Brackets{is_in != is_negated, at + 1};
    if (pattern.compare(at, 2, "[:") == 0) {
      const std::size_t end = pattern.find(":]", at + 2);
      if (end != std::string_view::npos) {
        is_in |= is_of_class(pattern.substr(at + 2, end - at - 2), code);
        at = end + 2;
        continue;
      }
    }
    const char32_t first = next();
    char32_t last = first;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      ++at;
      last = next();
    }
    is_in |= first <= code && code <= last;
  }
  return std::nullopt;
}

/// Where the pattern goes on if its piece at `at`, no "*", matches a character; else nothing.
std::optional<std::size_t> after_piece(std::string_view pattern, std::size_t at, char32_t code) {
  if (pattern[at] == '?') return at + 1;
  if (pattern[at] == '[') {
    const auto brackets = brackets_at(pattern, at, code);
    return brackets && brackets->matches ? std::optional(brackets->end) : std::nullopt;
  }
  if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
  const Character wanted = character_at(pattern, at);
  return wanted.code == code ? std::optional(at + wanted.length) : std::nullopt;
}

}  // namespace

bool matches_name(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, after_star = std::string_view::npos, retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      retry = n;
      continue;
    }
    const Character character = character_at(name, n);
    const auto next = p < pattern.size() ? after_piece(pattern, p, character.code) : std::nullopt;
    if (next) {
      p = *next;
      n += character.length;
    } else if (after_star != std::string_view::npos) {
      // The last star takes one character more.
      retry += character_at(name, retry).length;
      p = after_star;
      n = retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace oko::tasks
