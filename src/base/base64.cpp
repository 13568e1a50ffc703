#include "base/base64.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace oko {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
// Above the 24 bits of a group of four digits.
constexpr std::uint32_t kNoDigit = 1U << 24;

// What a character gives to its group, by its place in it.
constexpr std::array<std::array<std::uint32_t, 256>, 4> kValues = [] {
  std::array<std::array<std::uint32_t, 256>, 4> values{};
  for (std::size_t place = 0; place < 4; ++place) {
    values[place].fill(kNoDigit);
    for (std::size_t i = 0; i < kDigits.size(); ++i) {
      values[place][static_cast<unsigned char>(kDigits[i])] =
          static_cast<std::uint32_t>(i << (18 - 6 * place));
    }
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
  std::uint32_t all = 0;
  const auto value = [&](std::size_t from, std::size_t place) {
    return kValues[place][static_cast<unsigned char>(text[from + place])];
  };
  const auto byte = [](std::uint32_t group, std::size_t place) {
    return static_cast<char>(group >> (16 - 8 * place) & 0xFF);
  };
  std::size_t from = 0, to = 0;
  for (; from + 4 <= text.size(); from += 4, to += 3) {
    const std::uint32_t group = value(from, 0) | value(from, 1) | value(from, 2) | value(from, 3);
    all |= group;
    for (std::size_t i = 0; i < 3; ++i) bytes[to + i] = byte(group, i);
  }
  std::uint32_t last = 0;
  for (std::size_t i = 0; from + i < text.size(); ++i) last |= value(from, i);
  all |= last;
  for (std::size_t i = 0; to + i < bytes.size(); ++i) bytes[to + i] = byte(last, i);
  if ((all & kNoDigit) != 0) return std::nullopt;
  return bytes;
}

}  // namespace oko
