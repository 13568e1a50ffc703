#include "base/base64.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace oko {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 64;

constexpr std::array<std::uint8_t, 256> kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

}  // namespace

std::string base64_of(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = i; j < i + 3; ++j) {
      group = group << 8 | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0u);
    }
    for (std::size_t digit = 0; digit < 4; ++digit) {
      text += i + digit <= bytes.size() ? kDigits[group >> (18 - 6 * digit) & 63] : '=';
    }
  }
  return text;
}

std::optional<std::string> bytes_of_base64(std::string_view text) {
  if (text.size() % 4 == 0) {
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes(text.size() * 3 / 4, '\0');
  unsigned all = 0;  // a digit has six bits; what is none has a seventh
  for (std::size_t from = 0, to = 0; from < text.size(); from += 4) {
    const std::size_t digits = std::min<std::size_t>(4, text.size() - from);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const std::uint32_t value = kValues[static_cast<unsigned char>(text[from + i])];
      all |= value;
      group |= value << (18 - 6 * i);
    }
    for (std::size_t i = 0; i + 1 < digits; ++i) {
      bytes[to++] = static_cast<char>(group >> (16 - 8 * i) & 0xFF);
    }
  }
  if (all >= kNoDigit) return std::nullopt;
  return bytes;
}

}  // namespace oko
