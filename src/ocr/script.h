#pragma once

#include <string_view>

namespace oko::ocr {

/// The script of a character or a word.
enum class Script { kCyrillic, kLatin, kOther };

/// The script of a character; kOther: no letter of either.
constexpr Script script_of(char32_t c) {
  if (c >= 0x400 && c <= 0x52F) return Script::kCyrillic;
  const bool latin = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     (c >= 0xC0 && c <= 0x24F && c != 0xD7 && c != 0xF7);  // no × ÷
  return latin ? Script::kLatin : Script::kOther;
}

/// The script of the first letter.
constexpr Script script_of(std::u32string_view word) {
  for (const char32_t c : word) {
    if (script_of(c) != Script::kOther) return script_of(c);
  }
  return Script::kOther;
}

/// A capital letter of English or Russian.
constexpr bool is_capital(char32_t c) {
  return (c >= 'A' && c <= 'Z') || (c >= 0x400 && c <= 0x42F);
}

/// The small letter of an English or Russian capital; other characters stay.
constexpr char32_t small_letter(char32_t c) {
  const bool is_basic = (c >= 'A' && c <= 'Z') || (c >= U'А' && c <= U'Я');
  return c == U'Ё' ? U'ё' : c + (is_basic ? 0x20 : 0);
}

constexpr bool is_digit(char32_t c) {
  return c >= '0' && c <= '9';
}

}  // namespace oko::ocr
