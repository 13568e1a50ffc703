#include "base/text_escape.h"

#include <algorithm>

namespace oko {
namespace {

/// Bytes of the control character at `at`; 0: there is none. C1 is C2 80 to C2 9F in UTF-8. A C2
/// that begins no character counts, too: the text after it could complete a control character.
std::size_t control_length(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7F) return 1;
  if (byte != 0xC2) return 0;
  const int next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0;
  if (next >= 0x80 && next < 0xA0) return 2;
  return next >= 0xA0 && next < 0xC0 ? 0 : 1;
}

/// Bytes of the line separator or bidirectional control at `at`; 0: there is none. U+2028 to U+202E
/// and U+2066 to U+2069 break a line or show its characters in another order.
std::size_t reordering_length(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at, 3);
  if (rest.size() < 3 || rest[0] != '\xE2') return 0;
  const auto last = static_cast<unsigned char>(rest[2]);
  const bool reorders = (rest[1] == '\x80' && last >= 0xA8 && last <= 0xAE) ||
                        (rest[1] == '\x81' && last >= 0xA6 && last <= 0xA9);
  return reorders ? 3 : 0;
}

/// `text` with `mark` for each control character.
std::string with_marks(std::string_view text, char mark) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t control = std::max(control_length(text, at), reordering_length(text, at));
    result += control != 0 ? mark : text[at];
    at += std::max<std::size_t>(control, 1);
  }
  return result;
}

}  // namespace

bool is_utf8(std::string_view text) {
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};  // by length
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80           ? 1
                               : (lead >> 5) == 0x6  ? 2
                               : (lead >> 4) == 0xE  ? 3
                               : (lead >> 3) == 0x1E ? 4
                                                     : 0;
    if (length == 0 || length > text.size() - at) return false;
    char32_t point = length == 1 ? lead : lead & (0x7F >> length);
    for (std::size_t i = 1; i < length; ++i) {
      const auto byte = static_cast<unsigned char>(text[at + i]);
      if ((byte & 0xC0) != 0x80) return false;
      point = point << 6 | (byte & 0x3F);
    }
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (point < kSmallest[length] || point > 0x10FFFF || surrogate) return false;
    at += length;
  }
  return true;
}

bool is_plain_utf8(std::string_view text) {
  return is_utf8(text) && text.find('\0') == std::string_view::npos;
}

std::string excerpt(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    std::size_t size = max_bytes;
    while (size > 0 && (text[size] & 0xC0) == 0x80) --size;
    text = text.substr(0, size);
  }
  std::string result = with_marks(text, '?');
  if (is_utf8(result)) return result;
  for (char& c : result) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return result;
}

std::string one_line(std::string_view text) {
  return with_marks(text, ' ');
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t control = control_length(text, at);
    if (control == 0 || text[at] == '\n' || text[at] == '\t') result += text[at];
    if (control > 1) ++at;
  }
  return result;
}

}  // namespace oko
