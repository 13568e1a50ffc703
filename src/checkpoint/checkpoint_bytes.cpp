#include "checkpoint/checkpoint_bytes.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::checkpoint {

void fail_checkpoint(std::string_view name, const LocalizedText& what, const LocalizedText& hint) {
  throw Error(ErrorCode::kBadModel, format_text("{}: {}", name, what),
              hint.empty() ? tr("the file is damaged or incomplete: download it again",
                                "файл повреждён или неполон: скачайте его заново")
                           : hint);
}

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

std::string shown(std::string_view text) {
  constexpr std::size_t kMaxBytes = 200;
  std::size_t size = std::min(text.size(), kMaxBytes);
  // A character is not cut in the middle.
  while (size > 0 && size < text.size() && (text[size] & 0xC0) == 0x80) --size;
  std::string result(text.substr(0, size));
  const bool valid = is_utf8(result);
  for (char& c : result) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || (!valid && byte >= 0x80)) c = '?';
  }
  return result;
}

std::span<const std::byte> ByteCursor::take(std::uint64_t size) {
  if (size > left()) {
    fail_checkpoint(name_, tr("{} ends in the middle: {} bytes wanted at {}, {} are left",
                              "{}: обрыв посередине, нужно {} байт с позиции {}, осталось {}",
                              what_, size, position_, left()));
  }
  const auto taken = bytes_.subspan(position_, size);
  position_ += size;
  return taken;
}

std::string_view ByteCursor::text(std::uint64_t size) {
  const auto taken = take(size);
  return {reinterpret_cast<const char*>(taken.data()), taken.size()};
}

std::string_view ByteCursor::line(std::uint64_t max_size) {
  const auto rest = bytes_.subspan(position_, std::min(left(), max_size + 1));
  const auto end = std::find(rest.begin(), rest.end(), std::byte{'\n'});
  if (end == rest.end()) {
    fail_checkpoint(
        name_, tr("{} has a line at {} that does not end in {} bytes",
                  "{}: строка с позиции {} не кончается за {} байт", what_, position_, max_size));
  }
  const std::string_view result = text(static_cast<std::uint64_t>(end - rest.begin()));
  take(1);
  return result;
}

std::uint64_t ByteCursor::number(int size) {
  const auto taken = take(static_cast<std::uint64_t>(size));
  std::uint64_t result = 0;
  for (std::size_t i = taken.size(); i > 0; --i) {
    result = result << 8 | std::to_integer<std::uint64_t>(taken[i - 1]);
  }
  return result;
}

}  // namespace oko::checkpoint
