#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace oko {

/// Writes TIFF files of any tags: pages of one strip, little-endian.
class TiffFile {
 public:
  enum Type : std::uint16_t { kByte = 1, kShort = 3, kLong = 4, kRational = 5 };
  struct Tag {
    std::uint16_t id;
    Type type;
    std::vector<std::uint32_t> values;  ///< of a rational: numerator, denominator
  };

  /// `pixels` of `width` × `height`; tags of other names than those of size and strip come from
  /// `tags`, in any order.
  TiffFile& add_page(std::uint32_t width, std::uint32_t height, const std::string& pixels,
                     std::vector<Tag> tags) {
    const auto start = static_cast<std::uint32_t>(bytes_.size());
    bytes_ += pixels;
    tags.push_back({256, kLong, {width}});
    tags.push_back({257, kLong, {height}});
    tags.push_back({273, kLong, {start}});
    tags.push_back({278, kLong, {height}});
    tags.push_back({279, kLong, {static_cast<std::uint32_t>(pixels.size())}});
    std::sort(tags.begin(), tags.end(), [](const Tag& a, const Tag& b) { return a.id < b.id; });
    std::string entries;
    for (const Tag& tag : tags) entries += entry(tag);
    if (bytes_.size() % 2 == 1) bytes_ += '\0';
    put(static_cast<std::uint32_t>(bytes_.size()), 4, link_);
    bytes_ += number(static_cast<std::uint32_t>(tags.size()), 2) + entries;
    link_ = bytes_.size();
    bytes_ += number(0, 4);
    return *this;
  }

  /// A page of grey pixels, 8 bits each, with further tags.
  TiffFile& add_grey(std::uint32_t width, std::uint32_t height, const std::string& pixels,
                     std::vector<Tag> tags = {}) {
    tags.push_back({258, kShort, {8}});
    tags.push_back({262, kShort, {1}});
    return add_page(width, height, pixels, std::move(tags));
  }

  const std::string& bytes() const { return bytes_; }

 private:
  static std::string number(std::uint32_t value, int size) {
    std::string text;
    for (int i = 0; i < size; ++i) text += static_cast<char>(value >> 8 * i & 255);
    return text;
  }
  void put(std::uint32_t value, int size, std::size_t at) {
    bytes_.replace(at, size, number(value, size));
  }
  std::string entry(const Tag& tag) {
    std::string data;
    for (const std::uint32_t value : tag.values) {
      data += number(value, tag.type == kByte ? 1 : tag.type == kShort ? 2 : 4);
    }
    const std::size_t count = tag.values.size() / (tag.type == kRational ? 2 : 1);
    if (data.size() > 4) {
      if (bytes_.size() % 2 == 1) bytes_ += '\0';
      const auto at = static_cast<std::uint32_t>(bytes_.size());
      bytes_ += data;
      data = number(at, 4);
    }
    data.resize(4);
    return number(tag.id, 2) + number(tag.type, 2) + number(static_cast<std::uint32_t>(count), 4) +
           data;
  }

  std::string bytes_{"II*\0\0\0\0\0", 8};
  std::size_t link_ = 4;
};

}  // namespace oko
