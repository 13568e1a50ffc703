#include "document/jbig2.h"

#include <cstddef>
#include <cstdint>

namespace oko::document {
namespace {

std::uint64_t number(std::string_view data, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = at; i < at + size && i < data.size(); ++i) {
    value = value << 8 | static_cast<unsigned char>(data[i]);
  }
  return value;
}

}  // namespace

bool is_cut_jbig2(std::string_view data) {
  constexpr std::size_t kLeastHeader = 11;
  constexpr std::uint64_t kUnknownLength = 0xFFFF'FFFF;
  while (data.size() >= kLeastHeader) {
    const std::uint64_t segment = number(data, 0, 4), flags = number(data, 4, 1);
    std::uint64_t references = number(data, 5, 1) >> 5;
    std::size_t at = 6;
    if (references == 7) {  // the long form, with a bit for each of them and the segment
      references = number(data, 5, 4) & 0x1FFF'FFFF;
      at = 9 + (references + 8) / 8;
    }
    at += references * (segment <= 256 ? 1 : segment <= 65'536 ? 2 : 4);
    at += (flags & 0x40) != 0 ? 4 : 1;  // its page
    const std::uint64_t length = number(data, at, 4);
    if (at + 4 > data.size()) return true;
    if (length == kUnknownLength) return false;
    if (length > data.size() - at - 4) return true;
    data.remove_prefix(at + 4 + length);
  }
  return false;
}

}  // namespace oko::document
