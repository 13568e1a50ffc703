#include "text/serde_json_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

namespace oko::text {

double serde_json_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  constexpr std::uint64_t kFull = (std::numeric_limits<std::uint64_t>::max() - 9) / 10;
  std::uint64_t digits = 0;
  int exponent = 0;
  bool fraction = false;
  std::size_t at = 0;
  for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
    if (text[at] == '.') {
      fraction = true;
    } else if (digits <= kFull) {
      digits = 10 * digits + static_cast<std::uint64_t>(text[at] - '0');
      exponent -= fraction;
    } else {
      exponent += !fraction;
    }
  }
  if (at < text.size()) {
    if (text[++at] == '+') ++at;
    int written = 0;
    std::from_chars(text.data() + at, text.data() + text.size(), written);
    exponent += std::clamp(written, -10'000, 10'000);
  }
  auto value = static_cast<double>(digits);
  for (; exponent < -308; exponent += 308) value /= 1e308;
  const double power = std::pow(10.0, std::abs(exponent));
  value = exponent < 0 ? value / power : value * power;
  return negative ? -value : value;
}

}  // namespace oko::text
