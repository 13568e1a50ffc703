#include "image/jpeg_segments.h"

#include <algorithm>
#include <map>

namespace oko::image {
namespace {

constexpr int kEnd = 0xD9, kScan = 0xDA;

bool is_frame(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// A bit for each coefficient of a block that the scan completes.
std::uint64_t coefficients_of(const JpegSegment& scan, bool is_progressive) {
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  if (!is_progressive) return kAll;  // some writers give wrong numbers
  const std::size_t at = 1 + 2 * std::size_t{scan.byte(0)};
  const int first = scan.byte(at), last = scan.byte(at + 1), low_bit = scan.byte(at + 2) & 15;
  if (low_bit > 0 || first > last || last > 63) return 0;
  return kAll >> (63 - (last - first)) << first;
}

}  // namespace

std::optional<JpegSegment> JpegSegments::next() {
  while ((at_ = bytes_.find('\xFF', at_)) < bytes_.size()) {
    const std::string_view rest = bytes_.substr(at_);
    const JpegSegment here{0, rest.substr(1, 3)};
    const int marker = here.byte(0);
    has_end_ = marker == kEnd;
    if (has_end_) return std::nullopt;
    if (marker == 0xFF) {  // fill
      ++at_;
    } else if (marker <= 1 || (marker >= 0xD0 && marker <= 0xD8)) {
      at_ += 2;  // has no length: in the data of a scan
    } else {
      const auto length = static_cast<std::size_t>(here.byte(1) << 8 | here.byte(2));
      if (length < 2 || 2 + length > rest.size()) return std::nullopt;
      at_ += 2 + length;
      return JpegSegment{marker, rest.substr(4, length - 2)};
    }
  }
  return std::nullopt;
}

bool lacks_only_end(std::string_view bytes) {
  std::map<int, std::uint64_t> known;  // coefficients of the components
  bool is_progressive = false;
  JpegSegments segments(bytes);
  while (const auto segment = segments.next()) {
    if (is_frame(segment->marker)) {
      is_progressive = (segment->marker & 3) == 2;
      for (std::size_t i = 0; i < segment->byte(5); ++i) known[segment->byte(6 + 3 * i)] = 0;
    } else if (segment->marker == kScan) {
      const std::uint64_t given = coefficients_of(*segment, is_progressive);
      for (std::size_t i = 0; i < segment->byte(0); ++i) known[segment->byte(1 + 2 * i)] |= given;
    }
  }
  return !segments.has_end() && !known.empty() &&
         std::ranges::all_of(known, [](const auto& each) { return ~each.second == 0; });
}

}  // namespace oko::image
