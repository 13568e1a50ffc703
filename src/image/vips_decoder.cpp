#include "image/vips_decoder.h"

#include <vips/vips.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "image/exif_date.h"
#include "image/failure.h"
#include "image/gif.h"
#include "image/heif.h"
#include "image/jpeg_segments.h"
#include "image/precheck.h"
#include "image/scaling.h"
#include "image/tiff.h"
#include "image/vips_colours.h"
#include "image/vips_pixels.h"
#include "image/vips_session.h"

namespace oko::image {
namespace {

/// True if an operation has the option in this version of libvips.
bool has_option(const char* operation, const char* option) {
  const std::unique_ptr<VipsOperation, void (*)(VipsOperation*)> made(
      vips_operation_new(operation), [](VipsOperation* each) { g_object_unref(each); });
  return made && g_object_class_find_property(G_OBJECT_GET_CLASS(made.get()), option) != nullptr;
}

/// Opens the file by the loader of `format` alone; pixels are decoded later, from the top down.
/// `page`: of a TIFF file; `shrink`: of a JPEG.
Handle open(std::span<const std::byte> bytes, Format format, int page, int shrink = 1) {
  auto* data = const_cast<std::byte*>(bytes.data());
  return run([&](VipsImage** out) {
    const auto with = [&](auto loader, auto... options) {
      return loader(data, bytes.size(), out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                    VIPS_FAIL_ON_ERROR, options..., nullptr);
    };
    switch (format) {
      case Format::kJpeg:
        return with(vips_jpegload_buffer, "shrink", shrink);
      case Format::kPng:
        return with(vips_pngload_buffer);
      case Format::kWebp:
        return with(vips_webpload_buffer);
      case Format::kHeic:  // grids of many tiles; pixels are limited here
        return has_option("heifload_buffer", "unlimited")
                   ? with(vips_heifload_buffer, "unlimited", TRUE)
                   : with(vips_heifload_buffer);
      case Format::kTiff:
        return with(vips_tiffload_buffer, "page", page);
      case Format::kGif:
        return with(vips_gifload_buffer);
      case Format::kBmp:
        break;
    }
    return -1;
  });
}

struct Source {
  std::span<const std::byte> bytes;
  Format format;
  const LocalizedText& name;
  const Limits& limits;
  int page;
};

struct Opened {
  std::vector<std::byte> changed;  // the file, if it was rewritten
  std::span<const std::byte> bytes;
  Handle image;
  std::optional<TiffDirectory> directory;  // of a TIFF file
  int pages = 1;
  Scaling scaling;
};

/// libvips failed; its buffer of messages has the reason.
struct VipsFailure {};

/// The directory of the page, and how many pages there are.
void find_page(const Source& source, Opened& opened) {
  const std::vector<TiffDirectory> pages = tiff_pages(read_tiff_directories(source.bytes));
  if (pages.empty()) throw_damaged(source.name, source.format);
  opened.pages = static_cast<int>(pages.size());
  if (source.page >= opened.pages) {
    throw Error(ErrorCode::kNotFound,
                tr("{}: no page {}: the file has {}", "{}: страницы {} нет: в файле их {}",
                   source.name, source.page + 1, opened.pages));
  }
  opened.directory = pages[source.page];
  if (opened.directory->is_damaged) throw_damaged(source.name, source.format);
  if (const auto reason = unsupported_tiff(*opened.directory)) {
    throw_unsupported(source.name, source.format, *reason);
  }
}

/// The file in the form that decoders read; nothing if they read it unchanged. `page`: of a TIFF
/// file.
std::optional<std::vector<std::byte>> readable(std::span<const std::byte> bytes, Format format,
                                               const std::optional<TiffDirectory>& page) {
  if (format == Format::kHeic) return readable_heif(bytes);
  if (page) return with_jpeg_ends(bytes, *page);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (format != Format::kJpeg || !lacks_only_end(text)) return std::nullopt;
  std::vector<std::byte> changed(bytes.begin(), bytes.end());
  changed.insert(changed.end(), {std::byte{0xff}, std::byte{0xd9}});
  return changed;
}

Opened open_checked(const Source& source) {
  const auto& [bytes, format, name, limits, page] = source;
  if (format == Format::kHeic && vips_type_find("VipsOperation", "heifload_buffer") == 0) {
    throw_unsupported(name, format,
                      tr("this libvips is built without libheif", "libvips собран без libheif"));
  }
  check_before_decoder(bytes, format, name, limits);
  Opened opened;
  if (format == Format::kTiff) find_page(source, opened);
  if (auto changed = readable(bytes, format, opened.directory))
    opened.changed = *std::move(changed);
  opened.bytes = opened.changed.empty() ? bytes : opened.changed;
  opened.image = open(opened.bytes, format, opened.directory ? opened.directory->index : 0);
  if (!opened.image) throw VipsFailure{};
  const VipsImage* image = opened.image.get();
  check_size(name, image->Xsize, image->Ysize, limits);
  opened.scaling = plan_scaling(image->Xsize, image->Ysize, image->Xres, image->Yres, limits);
  return opened;
}

/// Decoded pixels an inch. If the file declares none, libvips says 1 a millimetre, for JPEG 72 an
/// inch.
double resolution_of(const Opened& opened) {
  const double most = std::max(opened.image->Xres, opened.image->Yres);
  const double stored = opened.scaling.stretches() ? most : opened.image->Xres;
  return stored == 1.0 ? 0 : stored * 25.4 / opened.scaling.shrink;
}

bool is_set(const Handle& image, const char* field) {
  int value = 0;
  return vips_image_get_typeof(image.get(), field) != 0 &&
         vips_image_get_int(image.get(), field, &value) == 0 && value != 0;
}

/// Bytes a pixel that the loader of `format` holds in addition to the finished picture.
double loader_bytes_per_pixel(const Handle& image, Format format) {
  const auto stored = static_cast<double>(VIPS_IMAGE_SIZEOF_PEL(image.get()));
  switch (format) {
    case Format::kJpeg:  // coefficients of all scans, 16 bits each
      return is_set(image, "jpeg-multiscan") ? 2 * stored : 0.5;
    case Format::kPng:  // all rows, of which each pass fills some
      return is_set(image, "interlaced") ? stored + 0.5 : 0.5;
    case Format::kWebp:  // the frame as YUV and as RGBA
      return 10;
    case Format::kHeic:  // the same in libheif; more than 8 bits take two bytes
      return image->BandFmt == VIPS_FORMAT_USHORT ? 15 : 8;
    case Format::kTiff:  // the whole may be one strip
      return stored + 0.5;
    case Format::kGif:  // the frame, and the one before it
      return 5;
    case Format::kBmp:
      break;
  }
  return 0;
}

/// The share of a TIFF's rows that are in memory at once.
double share_of_rows(const Opened& opened) {
  constexpr double kStrips = 3;
  const double rows = kStrips * opened.directory->rows_together;
  return std::min(1.0, rows / std::max(1, opened.image->Ysize));
}

/// Pictures or frames of a file without pages that are not read.
int others_in(const Opened& opened, Format format) {
  constexpr std::uint64_t kMost = 1'000'000;
  if (format == Format::kTiff) return 0;
  if (format != Format::kHeic) return vips_image_get_n_pages(opened.image.get()) - 1;
  return static_cast<int>(std::min(kMost, other_heif_pictures(opened.bytes)));
}

std::uint64_t decode_bytes(const Opened& opened, Format format, std::size_t file_bytes) {
  constexpr std::uint64_t kScratchBytes = 12'000'000;  // libvips at its first picture, rows
  constexpr double kRowBytes = 1000;  // of a column of the file, while it is shrunk
  constexpr double kRgb = 3;
  const Handle& image = opened.image;
  const Scaling& scaling = opened.scaling;
  const double stored = static_cast<double>(image->Xsize) * image->Ysize;
  const double shrunk = static_cast<double>(scaling.shrunk_width) * scaling.shrunk_height;
  const double final = static_cast<double>(scaling.width) * scaling.height;
  const double turned = vips_image_get_orientation(image.get()) > 1 ? kRgb * final : 0;
  const double stretched = scaling.stretches() ? kRgb * shrunk : 0;
  const double share = format == Format::kTiff ? share_of_rows(opened) : 1;
  const bool shrinks_first = format == Format::kJpeg && !is_set(image, "jpeg-multiscan");
  double loading =
      share * loader_bytes_per_pixel(image, format) * (shrinks_first ? shrunk : stored);
  if (scaling.shrink > 1) loading += kRowBytes * image->Xsize;
  if (scaling.shrink > 1 && format == Format::kGif) loading += kRgb * stored;
  const double scratch = std::max({loading, turned, stretched});
  return file_bytes + kScratchBytes + static_cast<std::uint64_t>(kRgb * final + scratch);
}

/// The messages of decoders, as one line of ASCII; empty: none.
std::string one_line(const std::string& said) {
  constexpr std::size_t kMost = 200;
  std::string words;
  std::istringstream lines(said);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("source: bad seek")) continue;  // libheif looking for the end
    words += (words.empty() ? "" : "; ") + line;
  }
  std::ranges::replace_if(
      words, [](char c) { return c < ' ' || c > '~'; }, '?');
  return words.substr(0, kMost);
}

bool has_any(std::string_view words, std::span<const std::string_view> parts) {
  return std::ranges::any_of(
      parts, [&](std::string_view each) { return words.find(each) != std::string_view::npos; });
}

/// The first line of the decoders' messages about a decoded picture that means lost pixels; empty:
/// none. libjpeg and libtiff fill unreadable pixels with grey and warn. Other warnings are about
/// the headers of many programs, whose pictures are complete.
std::string damage_in(const std::string& said) {
  static constexpr std::array<std::string_view, 9> kLost = {
      "premature end of data segment",  // libjpeg
      "bad Huffman code",
      "bad arithmetic code",
      "instead of RST",
      "Premature end of JPEG file",
      "Bad code word",  // libtiff's fax
      "Uncompressed data (not supported)",
      "Line length mismatch",
      "Premature EO"};
  std::istringstream lines(said);
  for (std::string line; std::getline(lines, line);) {
    if (has_any(line, kLost)) return one_line(line);
  }
  return {};
}

bool says_unsupported(std::string_view words) {
  static constexpr std::array<std::string_view, 6> kWords = {"not configured",  "not supported",
                                                             "not implemented", "not been built in",
                                                             "nsupported",      "bad labq"};
  return has_any(words, kWords);
}

/// The feature of a picture that not every decoder knows; empty: none that oko can name.
LocalizedText unusual_part(const Source& source) {
  if (source.format == Format::kJpeg) return unusual_jpeg(source.bytes);
  if (source.format == Format::kHeic) return unusual_heif(source.bytes);
  if (source.format != Format::kTiff) return {};
  Opened opened;
  find_page(source, opened);
  return unusual_tiff(*opened.directory);
}

/// Throws kBadInput or kUnsupported for a picture that libvips cannot decode.
[[noreturn]] void explain(const Source& source, const std::string& words) {
  const LocalizedText part = unusual_part(source);
  // libheif takes pictures of a coding that it does not know for missing ones.
  const bool is_unknown = source.format == Format::kHeic && !part.empty();
  if (!is_unknown && !says_unsupported(words)) throw_damaged(source.name, source.format, words);
  throw_unsupported(source.name, source.format, part.empty() ? words : part);
}

/// True if only the log tells of lost pixels, so that the picture must be decoded alone: in Group 4
/// a wrong line spoils all lines below. Lines of Group 3 are independent, and receivers of faxes
/// keep wrong ones.
bool tells_loss_alone(const Source& source) {
  constexpr std::uint32_t kGroup4 = 4, kJpeg = 7;
  if (source.format != Format::kTiff) return false;
  const std::vector<TiffDirectory> pages = tiff_pages(read_tiff_directories(source.bytes));
  if (source.page >= static_cast<int>(pages.size())) return false;
  const std::uint32_t compression = pages[source.page].compression;
  return compression == kGroup4 || compression == kJpeg;
}

template <typename Result>
std::optional<Result> attempt(const std::function<Result()>& work) {
  try {
    return work();
  } catch (const VipsFailure&) {
    return std::nullopt;
  }
}

/// Decodes pictures in parallel, and one that fails again alone: libvips has one buffer of messages
/// for the whole process.
Header explained_header(const Source& source, const std::function<Header()>& read) {
  start_vips();
  {
    const ThreadScope scope;
    if (const auto header = attempt(read)) return *header;
  }
  const AloneScope scope;
  const auto header = attempt(read);
  if (!header) explain(source, one_line(scope.errors()));
  return *header;
}

/// The same for pixels. Decodes a JPEG file with a warning again to find out what it means.
Image explained_pixels(const Source& source, const std::function<Image()>& decode) {
  start_vips();
  if (!tells_loss_alone(source)) {
    const ThreadScope scope;
    const int before = warned_jpegs();
    auto image = attempt(decode);
    const bool is_sure = source.format != Format::kJpeg || warned_jpegs() == before;
    if (image && is_sure) return *std::move(image);
  }
  const AloneScope scope;
  auto image = attempt(decode);
  const std::string damage = damage_in(scope.errors() + scope.warnings());
  if (!damage.empty()) throw_damaged(source.name, source.format, damage);
  if (!image) explain(source, one_line(scope.errors()));
  return *std::move(image);
}

/// Pixels, shrunk while they are decoded, except those of a GIF, whose canvas must be cleared
/// first.
Handle pixels_of(const Source& source, Opened& opened, double ground) {
  const int shrink = source.format == Format::kGif ? 1 : opened.scaling.shrink;
  if (source.format == Format::kJpeg && shrink > 1) {
    opened.image = open(opened.bytes, source.format, 0, shrink);
    if (!opened.image) throw VipsFailure{};
  }
  Handle image =
      to_rgb(std::move(opened.image), opened.directory ? &*opened.directory : nullptr, ground);
  if (!image || image->Bands != 3 || image->BandFmt != VIPS_FORMAT_UCHAR) {
    throw_unsupported(
        source.name, source.format,
        tr("its colours are not grey, RGB or CMYK", "цвета не серые, не RGB и не CMYK"));
  }
  if (source.format == Format::kJpeg || shrink == 1) return image;
  image = shrink_pixels(image, shrink);
  if (!image) throw VipsFailure{};
  return image;
}

/// Pixels at least as light as this are hardly visible on white.
constexpr std::uint8_t kLight = 216;

bool is_all_light(const Image& image) {
  return std::all_of(image.rgb.begin(), image.rgb.end(),
                     [](std::uint8_t value) { return value >= kLight; });
}

/// Decodes with transparent pixels laid on grey `ground`, 0..255; `is_transparent`: there may be
/// some.
Image decode_on(const Source& source, double ground, bool& is_transparent) {
  Opened opened = open_checked(source);
  const int orientation = vips_image_get_orientation(opened.image.get());
  is_transparent = vips_image_hasalpha(opened.image.get()) != 0;
  Image result;
  result.resolution = resolution_of(opened);
  result.stored_width = opened.image->Xsize;
  result.stored_height = opened.image->Ysize;
  if (!write_pixels(pixels_of(source, opened, ground), result)) throw VipsFailure{};
  if (source.format == Format::kGif) {
    if (const auto frame = first_gif_frame(source.bytes)) clear_outside(*frame, result);
  }
  apply_scaling(opened.scaling, result);
  if (orientation > 1) apply_orientation(orientation, result);
  return result;
}

/// Lays a transparent picture on white, or on black if it is all light, as white letters are.
Image decode(const Source& source) {
  constexpr double kWhite = 255, kBlack = 0;
  bool is_transparent = false;
  Image image = decode_on(source, kWhite, is_transparent);
  if (!is_transparent || !is_all_light(image)) return image;
  image = {};
  return decode_on(source, kBlack, is_transparent);
}

}  // namespace

Header read_header_with_vips(std::span<const std::byte> bytes, Format format,
                             const LocalizedText& name, const Limits& limits, int page) {
  const Source source{bytes, format, name, limits, page};
  return explained_header(source, [&] {
    const Opened opened = open_checked(source);
    return Header{format,
                  opened.scaling.width,
                  opened.scaling.height,
                  opened.pages,
                  others_in(opened, format),
                  opened.scaling.shrink,
                  decode_bytes(opened, format, bytes.size() + opened.changed.size()),
                  exif_date(opened.image.get())};
  });
}

Image decode_with_vips(std::span<const std::byte> bytes, Format format, const LocalizedText& name,
                       const Limits& limits, int page) {
  const Source source{bytes, format, name, limits, page};
  return explained_pixels(source, [&] { return decode(source); });
}

void resize_whole(const Limits& limits, Image& image) {
  const Scaling scaling = plan_scaling(image.width, image.height, 1, 1, limits);
  if (scaling.shrink == 1) return;
  start_vips();
  const ThreadScope scope;
  apply_scaling(scaling, image);
}

}  // namespace oko::image
