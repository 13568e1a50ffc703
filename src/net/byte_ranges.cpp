#include "net/byte_ranges.h"

#include <algorithm>
#include <iterator>

namespace oko::net {

void ByteRanges::add(ByteRange range) {
  if (range.begin >= range.end) return;
  auto next = ends_.upper_bound(range.begin);
  if (next != ends_.begin() && std::prev(next)->second >= range.begin) --next;
  while (next != ends_.end() && next->first <= range.end) {
    range.begin = std::min(range.begin, next->first);
    range.end = std::max(range.end, next->second);
    total_ -= next->second - next->first;
    next = ends_.erase(next);
  }
  ends_[range.begin] = range.end;
  total_ += range.size();
}

std::uint64_t ByteRanges::end_from(std::uint64_t begin) const {
  const auto next = ends_.upper_bound(begin);
  return next == ends_.begin() ? begin : std::max(begin, std::prev(next)->second);
}

std::optional<ByteRange> ByteRanges::first_gap(std::uint64_t size, std::uint64_t most) const {
  const std::uint64_t begin = end_from(0);
  if (begin >= size) return std::nullopt;
  const auto next = ends_.upper_bound(begin);
  const std::uint64_t end = next == ends_.end() ? size : std::min(size, next->first);
  return ByteRange{begin, begin + std::min(most, end - begin)};
}

std::vector<ByteRange> ByteRanges::ranges() const {
  std::vector<ByteRange> list;
  list.reserve(ends_.size());
  for (const auto& [begin, end] : ends_) list.push_back({begin, end});
  return list;
}

}  // namespace oko::net
