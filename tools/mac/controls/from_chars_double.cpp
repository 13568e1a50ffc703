// Must not compile for a system before macOS 26.
#include <charconv>
#include <string_view>

double number(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}
