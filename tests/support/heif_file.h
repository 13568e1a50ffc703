#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace oko {

/// Writes HEIF files (ISO/IEC 14496-12, 23008-12) of any items and references.
class HeifFile {
 public:
  static std::string number(std::uint64_t value, int size) {
    std::string text(static_cast<std::size_t>(size), '\0');
    for (auto digit = text.rbegin(); digit != text.rend(); ++digit, value >>= 8) {
      *digit = static_cast<char>(value & 255);
    }
    return text;
  }
  static std::string box(const std::string& type, const std::string& content) {
    return number(8 + content.size(), 4) + type + content;
  }
  /// A box with a version and flags, both 0.
  static std::string full_box(const std::string& type, const std::string& content) {
    return box(type, number(0, 4) + content);
  }
  /// The first box of a type in `file`, at any depth, found by its name alone.
  static std::string find_box(const std::string& file, const std::string& type) {
    const std::size_t at = file.find(type) - 4;
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(file[at + i]);
    return file.substr(at, size);
  }
  static std::string image_size(int width, int height) {
    return full_box("ispe", number(width, 4) + number(height, 4));
  }
  static std::string auxiliary_type(const std::string& urn) { return full_box("auxC", urn + '\0'); }
  /// The content of a `grid` item.
  static std::string grid(int rows, int columns, int width, int height) {
    return number(0, 2) + number(rows - 1, 1) + number(columns - 1, 1) + number(width, 2) +
           number(height, 2);
  }

  HeifFile& add_item(int id, std::string type, std::string data,
                     std::vector<std::string> properties) {
    items_.push_back({id, std::move(type), std::move(data), std::move(properties)});
    return *this;
  }
  HeifFile& refer(const std::string& type, int from, const std::vector<int>& to) {
    std::string content = number(from, 2) + number(to.size(), 2);
    for (const int each : to) content += number(each, 2);
    references_ += box(type, content);
    return *this;
  }

  std::string bytes(int primary, const std::string& brand = "avif") const {
    const std::string type = box("ftyp", brand + number(0, 4) + "mif1" + brand);
    const std::size_t start = type.size() + meta(primary, 0).size() + 8;
    std::string data;
    for (const Item& item : items_) data += item.data;
    return type + meta(primary, start) + box("mdat", data);
  }

 private:
  struct Item {
    int id;
    std::string type;
    std::string data;
    std::vector<std::string> properties;
  };

  std::string meta(int primary, std::size_t data_start) const {
    std::string locations, infos, properties, associations;
    std::vector<std::string> written;
    for (const Item& item : items_) {
      locations += number(item.id, 2) + number(0, 2) + number(1, 2) + number(data_start, 4) +
                   number(item.data.size(), 4);
      data_start += item.data.size();
      infos += box("infe", number(2, 1) + number(0, 3) + number(item.id, 2) + number(0, 2) +
                               item.type + '\0');
      associations += number(item.id, 2) + number(item.properties.size(), 1);
      for (const std::string& property : item.properties) {
        const auto known = std::find(written.begin(), written.end(), property);
        associations += number(known - written.begin() + 1, 1);
        if (known != written.end()) continue;
        written.push_back(property);
        properties += property;
      }
    }
    const std::string content =
        full_box("hdlr", number(0, 4) + "pict" + number(0, 12) + '\0') +
        full_box("pitm", number(primary, 2)) +
        full_box("iloc", number(0x4400, 2) + number(items_.size(), 2) + locations) +
        full_box("iinf", number(items_.size(), 2) + infos) +
        (references_.empty() ? "" : full_box("iref", references_)) +
        box("iprp",
            box("ipco", properties) + full_box("ipma", number(items_.size(), 4) + associations));
    return full_box("meta", content);
  }

  std::vector<Item> items_;
  std::string references_;
};

}  // namespace oko
