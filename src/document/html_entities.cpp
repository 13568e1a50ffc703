#include "document/html_entities.h"

#include <libxml/HTMLparser.h>

#include <array>
#include <charconv>
#include <map>

#include "text/utf8.h"

namespace oko::document {
namespace {

/// By their names, from libxml2's table.
const std::map<std::string, char32_t, std::less<>>& named_entities() {
  static const auto table = [] {
    constexpr unsigned int kFirst = 34, kLast = 9830;  // of HTML 4
    std::map<std::string, char32_t, std::less<>> entities{{"apos", '\''}};
    for (unsigned int value = kFirst; value <= kLast; ++value) {
      const htmlEntityDesc* entity = htmlEntityValueLookup(value);
      if (entity != nullptr) entities[entity->name] = value;
    }
    return entities;
  }();
  return table;
}

/// Numbers of C1 controls mean those of windows-1252
/// (https://html.spec.whatwg.org/#numeric-character-reference-end-state).
constexpr std::array<char16_t, 32> kWindows1252 = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

/// The character of "1103" or "x44F"; 0 if it is none.
char32_t numbered(std::string_view text) {
  const bool is_hex = text.starts_with('x') || text.starts_with('X');
  const std::string digits(text.substr(is_hex ? 1 : 0));
  unsigned int value = 0;
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, value, is_hex ? 16 : 10);
  if (parsed.ec != std::errc() || parsed.ptr != end) return 0;
  if (value >= 0x80 && value < 0xA0) return kWindows1252[value - 0x80];
  const bool is_character = value < 0x110000 && (value < 0xD800 || value > 0xDFFF);
  return is_character ? value : 0xFFFD;
}

}  // namespace

HtmlEntity entity_at(std::string_view text, std::size_t at) {
  constexpr std::size_t kLongest = 12;  // "#x" and a number with zeros before it, too
  std::size_t end = at + 1;
  if (end < text.size() && text[end] == '#') ++end;
  const auto is_letter_or_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  while (end < text.size() && end - at <= kLongest && is_letter_or_digit(text[end])) ++end;
  const std::string_view name = text.substr(at + 1, end - at - 1);
  HtmlEntity entity;
  if (name.starts_with('#')) {
    entity.code_point = numbered(name.substr(1));
  } else if (const auto found = named_entities().find(name); found != named_entities().end()) {
    entity.code_point = found->second;
  }
  if (entity.code_point == 0) return {};
  entity.length = end - at + (end < text.size() && text[end] == ';' ? 1 : 0);
  return entity;
}

std::string without_entities(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t next = text.find('&', at);
    result += text.substr(at, next - at);
    if (next == std::string_view::npos) break;
    const HtmlEntity entity = entity_at(text, next);
    if (entity.length == 0) {
      result += '&';
    } else {
      oko::text::append_utf8(result, entity.code_point);
    }
    at = next + (entity.length == 0 ? 1 : entity.length);
  }
  return result;
}

}  // namespace oko::document
