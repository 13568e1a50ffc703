#include "text/xml_escape.h"

#include "text/utf8.h"

namespace oko::text {
namespace {

/// True for characters that XML 1.0 cannot write.
bool is_forbidden(char32_t c) {
  return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0xFFFE || c == 0xFFFF;
}

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step step = next_utf8(text, at);
    at += step.length;
    switch (step.code_point) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        append_utf8(result, is_forbidden(step.code_point) ? 0xFFFD : step.code_point);
    }
  }
  return result;
}

}  // namespace oko::text
