#include "image/tiff.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/localized_text.h"
#include "image/jpeg_segments.h"

namespace oko::image {
namespace {

constexpr std::size_t kMostDirectories = 10'000;
constexpr std::uint32_t kUnknown = 0xffff'ffff;
constexpr std::uint64_t kMostValues = 64;  // of a tag that is read here

enum Tag : std::uint32_t {
  kNewSubfileType = 254,
  kSubfileType = 255,
  kBitsPerSample = 258,
  kCompression = 259,
  kPhotometric = 262,
  kStripOffsets = 273,
  kSamplesPerPixel = 277,
  kRowsPerStrip = 278,
  kStripBytes = 279,
  kPlanarConfiguration = 284,
  kTileLength = 323,
  kTileOffsets = 324,
  kTileBytes = 325,
  kSubIfds = 330,
  kInkSet = 332,
  kExtraSamples = 338,
  kSampleFormat = 339,
  kYcbcrCoefficients = 529,
  kYcbcrSubsampling = 530,
  kReferenceBlackWhite = 532,
  kDngVersion = 50706,
};

constexpr std::uint64_t kCr2Mark = 'C' | 'R' << 8;  // behind the header of Canon's files
constexpr std::uint32_t kOldJpegCompression = 6, kJpegCompression = 7;

enum Photometric : std::uint32_t {
  kMinIsWhite = 0,
  kMinIsBlack = 1,
  kRgb = 2,
  kPalette = 3,
  kSeparated = 5,
  kYcbcr = 6,
  kCieLab = 8,
  kColourFilter = 32803,
  kLinearRaw = 34892,
};

/// The values of a tag in the file.
struct Place {
  std::uint64_t at = 0, type = 0, count = 0;
  std::size_t size = 0;  ///< of a value
};

/// Numbers of the file; 0 past its end.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes)
      : bytes_(bytes),
        big_endian_(!bytes.empty() && bytes[0] == std::byte{'M'}),
        big_tiff_(number(2, 2) == 43) {}

  bool has(std::uint64_t at, std::uint64_t size) const {
    return at <= bytes_.size() && size <= bytes_.size() - at;
  }
  bool has(const Place& place) const {
    return has(0, place.count) && has(place.at, place.count * place.size);
  }
  std::uint64_t number(std::uint64_t at, std::size_t size) const {
    if (!has(at, size)) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t next = big_endian_ ? i : size - 1 - i;
      value = value << 8 | static_cast<std::uint64_t>(bytes_[at + next]);
    }
    return value;
  }
  bool big_tiff() const { return big_tiff_; }
  std::size_t offset_size() const { return big_tiff_ ? 8 : 4; }
  /// Writes a number into a copy of the file. Returns false if it is too large.
  bool write(std::uint64_t value, std::uint64_t at, std::size_t size,
             std::vector<std::byte>& copy) const {
    for (std::size_t i = 0; i < size; ++i, value >>= 8) {
      copy[at + (big_endian_ ? size - 1 - i : i)] = static_cast<std::byte>(value & 0xff);
    }
    return value == 0;
  }

 private:
  std::span<const std::byte> bytes_;
  bool big_endian_;
  bool big_tiff_;
};

std::size_t size_of(std::uint64_t type) {
  static constexpr std::array<std::size_t, 19> kSizes = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4,
                                                         8, 4, 8, 4, 0, 0, 8, 8, 8};
  return type < kSizes.size() ? kSizes[type] : 0;
}

std::uint32_t whole_number(double value) {
  constexpr double kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp(value, 0.0, kMost));
}

/// The entries of the directory at an offset.
class Entries {
 public:
  Entries(const Reader& file, std::uint64_t at) : file_(file) {
    const std::size_t count_size = file.big_tiff() ? 8 : 2;
    count_ = file.number(at, count_size);
    first_ = at + count_size;
    whole_ = file.has(at, count_size) && count_ > 0 && count_ < 65'536 &&
             file.has(first_, count_ * entry_size() + file.offset_size());
  }

  bool whole() const { return whole_; }
  std::uint64_t next() const {
    return file_.number(first_ + count_ * entry_size(), file_.offset_size());
  }

  /// Without values if the tag is missing or of an unknown type. It may lie beyond the file.
  Place place_of(Tag tag) const {
    for (std::uint64_t i = 0; i < count_; ++i) {
      const std::uint64_t entry = first_ + i * entry_size();
      if (file_.number(entry, 2) != tag) continue;
      Place place{.at = entry + 4 + file_.offset_size(),
                  .type = file_.number(entry + 2, 2),
                  .count = file_.number(entry + 4, file_.offset_size())};
      place.size = size_of(place.type);
      if (place.size == 0) return {};
      if (place.count > file_.offset_size() / place.size) {
        place.at = file_.number(place.at, file_.offset_size());
      }
      return place;
    }
    return {};
  }

  /// The values of a tag; rationals as quotients. Empty if the tag is missing or too long.
  std::vector<double> values(Tag tag) const {
    const Place place = place_of(tag);
    if (place.count > kMostValues) return {};
    std::vector<double> found;
    for (std::uint64_t k = 0; k < place.count; ++k) {
      found.push_back(value(place.at + k * place.size, place.type));
    }
    return found;
  }

  std::uint32_t first(Tag tag, std::uint32_t otherwise) const {
    const std::vector<double> found = values(tag);
    return found.empty() ? otherwise : whole_number(found[0]);
  }

 private:
  std::size_t entry_size() const { return file_.big_tiff() ? 20 : 12; }

  double value(std::uint64_t at, std::uint64_t type) const {
    constexpr std::uint64_t kRational = 5, kSignedRational = 10;
    if (type != kRational && type != kSignedRational) {
      return static_cast<double>(file_.number(at, size_of(type)));
    }
    const auto divisor = static_cast<double>(file_.number(at + 4, 4));
    return divisor == 0 ? 0 : static_cast<double>(file_.number(at, 4)) / divisor;
  }

  const Reader& file_;
  std::uint64_t count_ = 0;
  std::uint64_t first_ = 0;
  bool whole_ = false;
};

bool is_sensor_data(std::uint32_t photometric) {
  return photometric == kColourFilter || photometric == kLinearRaw;
}

/// Cameras keep a thumbnail in the first directory and the sensor's data in one below it.
bool is_raw_photo(const Reader& file, const Entries& entries) {
  if (is_sensor_data(entries.first(kPhotometric, kMinIsBlack))) return true;
  if (!entries.values(kDngVersion).empty()) return true;
  for (const double at : entries.values(kSubIfds)) {
    const Entries below(file, static_cast<std::uint64_t>(at));
    if (below.whole() && is_sensor_data(below.first(kPhotometric, kMinIsBlack))) return true;
  }
  return false;
}

template <std::size_t size>
void read_numbers(const Entries& entries, Tag tag, std::array<double, size>& numbers) {
  const std::vector<double> found = entries.values(tag);
  if (found.size() == size) std::ranges::copy(found, numbers.begin());
}

TiffDirectory directory_of(const Reader& file, const Entries& entries) {
  TiffDirectory directory;
  const std::uint32_t kind = entries.first(kNewSubfileType, 0);
  directory.is_reduced = (kind & 1) != 0 || entries.first(kSubfileType, 0) == 2;
  directory.is_mask = (kind & 4) != 0;
  directory.is_raw_photo = is_raw_photo(file, entries);
  directory.bits = entries.first(kBitsPerSample, 1);
  directory.compression = entries.first(kCompression, 1);
  directory.photometric = entries.first(kPhotometric, kMinIsBlack);
  directory.samples = entries.first(kSamplesPerPixel, 1);
  directory.sample_format = entries.first(kSampleFormat, 1);
  directory.planar = entries.first(kPlanarConfiguration, 1) == 2;
  directory.rows_together = entries.first(kTileLength, entries.first(kRowsPerStrip, kUnknown));
  directory.ink_set = entries.first(kInkSet, 1);
  for (const double kind_of_sample : entries.values(kExtraSamples)) {
    directory.extra.push_back(whole_number(kind_of_sample));
  }
  const std::vector<double> subsampling = entries.values(kYcbcrSubsampling);
  directory.subsampled = subsampling != std::vector<double>{1, 1};
  read_numbers(entries, kYcbcrCoefficients, directory.luma);
  read_numbers(entries, kReferenceBlackWhite, directory.reference);
  return directory;
}

/// The name of a kind of colours that libvips mistakes for another; empty: libvips knows it.
std::string_view foreign_colours(std::uint32_t photometric) {
  switch (photometric) {
    case kMinIsWhite:
    case kMinIsBlack:
    case kRgb:
    case kPalette:
    case kSeparated:
    case kYcbcr:
    case kCieLab:
      return {};
    case 4:
      return "transparency mask";
    case 9:
      return "ICCLab";
    case 10:
      return "ITULab";
    case 32844:
      return "LogL";
    case 32845:
      return "LogLuv";
    default:
      return "?";
  }
}

/// Names an unsupported kind of YCbCr. libtiff turns JPEG data into RGB if the samples are
/// together.
std::optional<LocalizedText> unsupported_ycbcr(const TiffDirectory& directory) {
  if (directory.photometric != kYcbcr) return std::nullopt;
  if (directory.compression == kJpegCompression) {
    if (!directory.planar) return std::nullopt;
    return tr("YCbCr in separate planes", "YCbCr в отдельных плоскостях");
  }
  if (directory.samples != 3) {
    return tr("YCbCr of {} samples", "YCbCr из {:отсчёта|отсчётов|отсчётов}",
              Count(directory.samples));
  }
  if (directory.subsampled) {
    return tr("YCbCr with subsampled colours, not compressed as JPEG",
              "YCbCr с прореженными цветами, сжатый не как JPEG");
  }
  if (directory.bits == 8) return std::nullopt;
  return tr("YCbCr of {} bits", "YCbCr из {:бита|бит|бит}", Count(directory.bits));
}

std::optional<LocalizedText> unsupported_colours(const TiffDirectory& directory) {
  const std::string_view foreign = foreign_colours(directory.photometric);
  if (foreign == "?") {
    return tr("PhotometricInterpretation {}", "PhotometricInterpretation {}",
              directory.photometric);
  }
  if (!foreign.empty()) return tr("colours as {}", "цвета {}", foreign);
  if (directory.photometric == kSeparated && (directory.ink_set != 1 || directory.samples < 4)) {
    return tr("inks other than CMYK", "краски не CMYK");
  }
  if (directory.photometric == kCieLab && directory.samples != 3) {
    return tr("CIELab of {} samples", "CIELab из {:отсчёта|отсчётов|отсчётов}",
              Count(directory.samples));
  }
  if (directory.photometric == kPalette && directory.bits > 8) {
    return tr("a palette of {} bits", "палитра из {:бита|бит|бит}", Count(directory.bits));
  }
  return unsupported_ycbcr(directory);
}

}  // namespace

std::vector<TiffDirectory> read_tiff_directories(std::span<const std::byte> bytes) {
  const Reader file(bytes);
  std::vector<TiffDirectory> directories;
  std::vector<std::uint64_t> seen;
  std::uint64_t at = file.big_tiff() ? file.number(8, 8) : file.number(4, 4);
  while (at != 0 && directories.size() < kMostDirectories) {
    if (std::ranges::count(seen, at) > 0) return directories;  // a circle
    seen.push_back(at);
    const Entries entries(file, at);
    TiffDirectory directory;
    if (entries.whole()) directory = directory_of(file, entries);
    directory.is_damaged = !entries.whole();
    directory.is_raw_photo |= file.number(8, 2) == kCr2Mark;
    directory.at = at;
    directory.index = static_cast<int>(directories.size());
    directories.push_back(directory);
    if (directory.is_damaged) return directories;
    at = entries.next();
  }
  return directories;
}

std::optional<std::vector<std::byte>> with_jpeg_ends(std::span<const std::byte> bytes,
                                                     const TiffDirectory& directory) {
  if (directory.compression != kJpegCompression) return std::nullopt;
  const Reader file(bytes);
  const Entries entries(file, directory.at);
  std::vector<std::byte> copy;
  std::uint64_t left = bytes.size();  // strips that overlap could be any number of bytes
  for (const auto& [offset_tag, size_tag] :
       {std::pair(kStripOffsets, kStripBytes), std::pair(kTileOffsets, kTileBytes)}) {
    const Place offsets = entries.place_of(offset_tag), sizes = entries.place_of(size_tag);
    if (offsets.count != sizes.count || !file.has(offsets) || !file.has(sizes)) continue;
    for (std::uint64_t i = 0; i < sizes.count; ++i) {
      const std::uint64_t offset_at = offsets.at + i * offsets.size;
      const std::uint64_t size_at = sizes.at + i * sizes.size;
      const std::uint64_t begin =
          std::min<std::uint64_t>(file.number(offset_at, offsets.size), bytes.size());
      const auto data = bytes.subspan(
          begin, std::min<std::uint64_t>(file.number(size_at, sizes.size), bytes.size() - begin));
      if (data.size() > left) return std::nullopt;
      left -= data.size();
      if (!lacks_only_end({reinterpret_cast<const char*>(data.data()), data.size()})) continue;
      if (copy.empty()) copy.assign(bytes.begin(), bytes.end());
      if (!file.write(copy.size(), offset_at, offsets.size, copy) ||
          !file.write(data.size() + 2, size_at, sizes.size, copy)) {
        return std::nullopt;
      }
      copy.insert(copy.end(), data.begin(), data.end());
      copy.insert(copy.end(), {std::byte{0xff}, std::byte{0xd9}});
    }
  }
  if (copy.empty()) return std::nullopt;
  return copy;
}

std::vector<TiffDirectory> tiff_pages(const std::vector<TiffDirectory>& directories) {
  std::vector<TiffDirectory> pages;
  std::ranges::copy_if(directories, std::back_inserter(pages),
                       [](const TiffDirectory& each) { return !each.is_reduced && !each.is_mask; });
  return pages.empty() ? directories : pages;
}

std::optional<LocalizedText> unsupported_tiff(const TiffDirectory& directory) {
  if (directory.is_raw_photo) {
    return tr("raw data of a camera's sensor (DNG, ProRAW and others)",
              "необработанные данные матрицы камеры (DNG, ProRAW и другие)");
  }
  if (directory.compression == kOldJpegCompression) {
    return tr("old-style JPEG compression", "сжатие JPEG старого образца");
  }
  if (auto colours = unsupported_colours(directory)) return colours;
  if (directory.sample_format == 2 && directory.photometric != kCieLab) {
    return tr("samples with a sign", "отсчёты со знаком");
  }
  if (directory.sample_format == 3) {
    return tr("samples of {} bits in floating point",
              "отсчёты из {:бита|бит|бит} с плавающей точкой", Count(directory.bits));
  }
  const bool is_grey = directory.samples == 1;
  const std::uint32_t bits = directory.bits;
  if (bits != 8 && bits != 16 && !(is_grey && (bits == 1 || bits == 2 || bits == 4))) {
    return tr("samples of {} bits", "отсчёты из {:бита|бит|бит}", Count(bits));
  }
  return std::nullopt;
}

bool needs_ycbcr_conversion(const TiffDirectory& directory) {
  return directory.photometric == kYcbcr && directory.compression != kJpegCompression;
}

std::uint32_t colour_samples(const TiffDirectory& directory) {
  switch (directory.photometric) {
    case kRgb:
    case kYcbcr:
    case kCieLab:
      return 3;
    case kSeparated:
      return 4;
    default:
      return 1;
  }
}

LocalizedText unusual_tiff(const TiffDirectory& directory) {
  const auto name = [&]() -> std::string_view {
    switch (directory.compression) {
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
      case kJpegCompression:
      case 8:
      case 32773:
      case 32946:
        return {};
      case 32766:
        return "NeXT";
      case 32809:
        return "ThunderScan";
      case 34661:
        return "JBIG";
      case 34676:
      case 34677:
        return "SGI Log";
      case 34712:
        return "JPEG 2000";
      case 34887:
        return "LERC";
      case 34892:
        return "JPEG (DNG)";
      case 34925:
        return "LZMA";
      case 50000:
        return "Zstandard";
      case 50001:
        return "WebP";
      case 50002:
      case 52546:
        return "JPEG XL";
      default:
        return "?";
    }
  }();
  // libvips 8.18 opens none of 8 bits.
  if (name.empty()) return directory.photometric == kCieLab ? "CIELab" : "";
  if (name == "?") return tr("compression {}", "сжатие {}", directory.compression);
  return tr("compression {}", "сжатие {}", name);
}

}  // namespace oko::image
