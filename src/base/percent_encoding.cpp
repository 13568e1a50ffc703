#include "base/percent_encoding.h"

#include <charconv>
#include <cstddef>
#include <system_error>

namespace oko {

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    unsigned value = 0;
    const char* end = text.data() + i + 3;
    const auto [rest, error] = std::from_chars(end - 2, end, value, 16);
    if (error != std::errc() || rest != end) return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

}  // namespace oko
