#include "document/zip_directory.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

namespace oko::document {
namespace {

constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return value;
}

}  // namespace

std::uint64_t unpacked_bytes(const InputFile& file) {
  constexpr std::uint64_t kEnd = 22, kLongestComment = 0xFFFF, kLargest = 16'000'000;
  const std::uint64_t tail_size = std::min(file.size(), kEnd + kLongestComment);
  const std::string tail = file.part(file.size() - tail_size, tail_size);
  const std::size_t at = tail.rfind("PK\x05\x06");
  if (at == std::string::npos || tail.size() - at < kEnd) return 0;
  const std::string_view end = std::string_view(tail).substr(at);
  const std::uint64_t size = little_endian(end.substr(12, 4));
  if (size > kLargest) return kUnknown;
  const std::string directory = file.part(little_endian(end.substr(16, 4)), size);
  std::uint64_t all = 0;
  constexpr std::size_t kEntry = 46;
  for (std::string_view left = directory;
       left.size() >= kEntry && left.starts_with("PK\x01\x02");) {
    const std::uint64_t unpacked = little_endian(left.substr(24, 4));
    if (unpacked == 0xFFFFFFFF) return kUnknown;
    all += unpacked;
    const std::uint64_t entry = kEntry + little_endian(left.substr(28, 2)) +
                                little_endian(left.substr(30, 2)) +
                                little_endian(left.substr(32, 2));
    left.remove_prefix(std::min<std::uint64_t>(entry, left.size()));
  }
  return all;
}

}  // namespace oko::document
