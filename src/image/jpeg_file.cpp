#include "image/jpeg_file.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "image/jpeg_segments.h"

namespace oko::image {
namespace {

using std::string_view;

std::uint8_t byte_at(string_view bytes, std::size_t at) {
  return at < bytes.size() ? static_cast<std::uint8_t>(bytes[at]) : std::uint8_t{0};
}

int big_endian(string_view bytes, std::size_t at) {
  return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}

/// The orientation of `exif`, which begins behind its name; 1 if it has none.
int orientation_of(string_view exif) {
  constexpr int kOrientation = 0x0112;
  constexpr std::size_t kEntry = 12;
  const bool little = exif.starts_with("II");
  const auto number = [&](std::size_t at) {
    return little ? byte_at(exif, at) | byte_at(exif, at + 1) << 8 : big_endian(exif, at);
  };
  const auto first = static_cast<std::size_t>(number(little ? 4 : 6));
  const int entries = number(first);
  for (int i = 0; i < entries; ++i) {
    const std::size_t entry = first + 2 + kEntry * static_cast<std::size_t>(i);
    if (entry + kEntry > exif.size()) break;
    const int value = number(entry + 8);
    if (number(entry) == kOrientation) return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/// Reads the segments before the picture's data.
class Parser {
 public:
  explicit Parser(JpegFile& file) : file_(file) {}

  bool parse() {
    JpegSegments segments(file_.bytes);
    while (const auto segment = segments.next()) {
      if (segment->marker == kScan) return is_plain();
      if (!add(segment->marker, segment->content)) return false;
    }
    return false;
  }

 private:
  static constexpr int kScan = 0xDA;
  static constexpr string_view kExif{"Exif\0\0", 6}, kJfif{"JFIF\0", 5},
      kProfile{"ICC_PROFILE\0", 12};

  bool add(int marker, string_view data) {
    if (marker >= 0xC0 && marker <= 0xC2) return add_frame(data);
    const bool other_frame = marker >= 0xC3 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8;
    if (other_frame || marker == 0xCC) return false;
    if (marker == 0xE0 && data.starts_with(kJfif)) has_jfif_ = true;
    if (marker == 0xE1 && data.starts_with(kExif)) {
      file_.orientation = orientation_of(data.substr(kExif.size()));
    }
    if (marker == 0xE2 && data.starts_with(kProfile)) {
      constexpr std::size_t kNumbers = 2;  // of this part, and of parts
      profile_[byte_at(data, kProfile.size())] =
          data.substr(std::min(data.size(), kProfile.size() + kNumbers));
    }
    if (marker == 0xEE && data.starts_with("Adobe")) has_adobe_ = true;
    return true;
  }

  bool add_frame(string_view data) {
    constexpr std::size_t kFirst = 6, kEach = 3;  // bytes of the frame, of a component
    file_.height = big_endian(data, 1);
    file_.width = big_endian(data, 3);
    file_.components = byte_at(data, 5);
    is_rgb_ = byte_at(data, kFirst) == 'R' && byte_at(data, kFirst + kEach) == 'G' &&
              byte_at(data, kFirst + 2 * kEach) == 'B';
    return byte_at(data, 0) == 8 && file_.height > 0 && file_.width > 0 &&
           (file_.components == 1 || file_.components == 3);
  }

  bool is_plain() {
    if (file_.width == 0 || (is_rgb_ && !has_adobe_ && !has_jfif_)) return false;
    std::string profile;
    for (const auto& [number, part] : profile_) profile += part;
    constexpr std::size_t kSpace = 16;  // of its header: the kind of colours
    const string_view space = string_view(profile).substr(std::min(profile.size(), kSpace), 4);
    if (space == (file_.components == 1 ? "GRAY" : "RGB ")) file_.icc_profile = std::move(profile);
    return true;
  }

  JpegFile& file_;
  bool has_jfif_ = false, has_adobe_ = false, is_rgb_ = false;
  std::map<int, string_view> profile_;  ///< its parts by their numbers
};

}  // namespace

std::optional<JpegFile> parse_jpeg(std::string bytes) {
  if (!bytes.starts_with("\xFF\xD8")) return std::nullopt;
  JpegFile file;
  file.bytes = std::move(bytes);
  if (!Parser(file).parse()) return std::nullopt;
  return file;
}

}  // namespace oko::image
