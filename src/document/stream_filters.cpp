#include "document/stream_filters.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace oko::document {
namespace {

unsigned byte_at(std::string_view data, std::size_t at) {
  return static_cast<unsigned char>(data[at]);
}

/// Decodes base 85: five digits are four bytes, "z" is four zeros.
std::string ascii85(std::string_view data, std::size_t most) {
  constexpr int kDigits = 5;
  std::string result;
  std::uint32_t value = 0;
  int digits = 0;
  const auto add = [&](int bytes) {
    for (int i = 0; i < bytes; ++i) result.push_back(static_cast<char>(value >> (24 - 8 * i)));
    value = 0;
    digits = 0;
  };
  for (const char c : data.substr(0, data.find('~'))) {
    if (result.size() >= most) return result;
    if (c == 'z' && digits == 0) add(4);
    if (c < '!' || c > 'u') continue;
    value = value * 85 + static_cast<std::uint32_t>(c - '!');
    if (++digits == kDigits) add(4);
  }
  if (digits < 2) return result;
  const int bytes = digits - 1;
  for (; digits < kDigits; ++digits) value = value * 85 + 84;
  add(bytes);
  return result;
}

std::string ascii_hex(std::string_view data, std::size_t most) {
  constexpr std::string_view kDigits = "0123456789ABCDEFabcdef";
  std::string digits;
  for (const char c : data.substr(0, data.find('>'))) {
    if (digits.size() / 2 >= most) break;
    const std::size_t digit = kDigits.find(c);
    if (digit != std::string_view::npos) {
      digits.push_back(static_cast<char>(digit < 16 ? digit : digit - 6));
    }
  }
  if (digits.size() % 2 != 0) digits.push_back('\0');
  std::string result;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    result.push_back(static_cast<char>(digits[i] << 4 | digits[i + 1]));
  }
  return result;
}

std::string run_length(std::string_view data, std::size_t most) {
  constexpr unsigned kEnd = 128;
  std::string result;
  for (std::size_t at = 0; at + 1 < data.size() && result.size() < most;) {
    const unsigned length = byte_at(data, at++);
    if (length == kEnd) break;
    if (length < kEnd) {
      result += data.substr(at, length + 1);
      at += length + 1;
    } else {
      result.append(257 - length, data[at++]);
    }
  }
  return result;
}

std::string lzw(std::string_view data, std::size_t most) {
  constexpr unsigned kClear = 256, kEnd = 257, kFirst = 258, kLargest = 4096;
  struct Entry {
    std::size_t begin, length;  // in the result
  };
  std::string result;
  std::vector<Entry> table;
  Entry last{0, 0};
  std::uint32_t bits = 0;
  unsigned count = 0;  // of bits that are not used yet
  for (std::size_t at = 0; result.size() < most;) {
    const auto next = static_cast<unsigned>(kFirst + table.size()) + 1;  // "early change"
    const unsigned width = next < 512 ? 9 : next < 1024 ? 10 : next < 2048 ? 11 : 12;
    for (; count < width && at < data.size(); count += 8) bits = bits << 8 | byte_at(data, at++);
    if (count < width) break;
    count -= width;
    const unsigned code = bits >> count & ((1U << width) - 1);
    if (code == kEnd) break;
    if (code == kClear) {
      table.clear();
      last = {};
      continue;
    }
    // The entry ends with the first byte of the next output, which follows it in the result.
    if (last.length > 0 && kFirst + table.size() < kLargest) {
      table.push_back({last.begin, last.length + 1});
    }
    const std::size_t begin = result.size();
    if (code < kClear) {
      result.push_back(static_cast<char>(code));
    } else if (code - kFirst < table.size()) {
      const Entry entry = table[code - kFirst];
      for (std::size_t i = 0; i < entry.length; ++i) result.push_back(result[entry.begin + i]);
    } else {
      break;
    }
    last = {begin, result.size() - begin};
  }
  return result;
}

}  // namespace

std::optional<std::string> without_filter(std::string_view filter, std::string_view data,
                                          std::size_t most) {
  if (filter == "/ASCII85Decode") return ascii85(data, most);
  if (filter == "/ASCIIHexDecode") return ascii_hex(data, most);
  if (filter == "/RunLengthDecode") return run_length(data, most);
  if (filter == "/LZWDecode") return lzw(data, most);
  return std::nullopt;
}

}  // namespace oko::document
