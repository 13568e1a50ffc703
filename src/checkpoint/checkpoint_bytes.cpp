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

std::span<const std::byte> ByteCursor::take(std::uint64_t size) {
  if (size > left()) {
    fail_checkpoint(
        name_, tr("{} ends in the middle: {} bytes wanted at {}, {} are left",
                  "{}: обрыв посередине, нужно {:байт|байта|байт} с позиции {}, осталось {}", what_,
                  Count(size), position_, left()));
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
