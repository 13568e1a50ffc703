#include "image/vips_decoder.h"

#include <vips/vips.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/language.h"
#include "image/failure.h"
#include "image/gif.h"
#include "image/heif.h"
#include "image/precheck.h"
#include "image/tiff.h"
#include "image/vips_colours.h"
#include "image/vips_session.h"

namespace oko::image {
namespace {

/// Whether an operation of this libvips has an option that others do not have.
bool has_option(const char* operation, const char* option) {
  const std::unique_ptr<VipsOperation, void (*)(VipsOperation*)> made(
      vips_operation_new(operation), [](VipsOperation* each) { g_object_unref(each); });
  return made && g_object_class_find_property(G_OBJECT_GET_CLASS(made.get()), option) != nullptr;
}

/// Opens the file by the loader of `format` alone; pixels are decoded later, from the top down.
/// `page`: of a TIFF file.
Handle open(std::span<const std::byte> bytes, Format format, int page) {
  auto* data = const_cast<std::byte*>(bytes.data());
  return run([&](VipsImage** out) {
    const auto with = [&](auto loader, auto... options) {
      return loader(data, bytes.size(), out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                    VIPS_FAIL_ON_ERROR, options..., nullptr);
    };
    switch (format) {
      case Format::kJpeg:
        return with(vips_jpegload_buffer);
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
  std::string_view name;
  const Limits& limits;
  int page;
};

struct Opened {
  std::vector<std::byte> changed;  // the file, where it is not read as it is
  Handle image;
  std::optional<TiffDirectory> directory;  // of a TIFF file
  int pages = 1;
};

/// libvips gave up; why is in its buffer of messages.
struct VipsFailure {};

/// The directory of the page, and how many pages there are.
void find_page(const Source& source, Opened& opened) {
  const std::vector<TiffDirectory> pages = tiff_pages(read_tiff_directories(source.bytes));
  if (pages.empty()) throw_damaged(source.name, source.format);
  opened.pages = static_cast<int>(pages.size());
  if (source.page >= opened.pages) {
    throw Error(ErrorCode::kBadInput,
                tr("{}: there are {} pages", "{}: страниц всего {}", source.name, opened.pages));
  }
  opened.directory = pages[source.page];
  if (opened.directory->is_damaged) throw_damaged(source.name, source.format);
  if (const auto reason = unsupported_tiff(*opened.directory)) {
    throw_unsupported(source.name, source.format, *reason);
  }
}

Opened open_checked(const Source& source) {
  const auto& [bytes, format, name, limits, page] = source;
  start_vips();
  if (format == Format::kHeic && vips_type_find("VipsOperation", "heifload_buffer") == 0) {
    throw_unsupported(name, format,
                      tr("this libvips is built without libheif", "libvips собран без libheif"));
  }
  check_before_decoder(bytes, format, name, limits);
  Opened opened;
  if (format == Format::kTiff) find_page(source, opened);
  if (format == Format::kHeic) {
    if (auto changed = readable_heif(bytes)) opened.changed = *std::move(changed);
  }
  opened.image = open(opened.changed.empty() ? bytes : opened.changed, format,
                      opened.directory ? opened.directory->index : 0);
  if (!opened.image) throw VipsFailure{};
  check_size(name, opened.image->Xsize, opened.image->Ysize, limits);
  return opened;
}

/// Decodes into memory of our own, in one pass; false where the data are damaged.
bool write_pixels(const Handle& image, Image& result) {
  result.width = image->Xsize;
  result.height = image->Ysize;
  result.rgb.resize(std::size_t{3} * result.width * result.height);
  const Handle memory(vips_image_new_from_memory(result.rgb.data(), result.rgb.size(), result.width,
                                                 result.height, 3, VIPS_FORMAT_UCHAR));
  return memory && vips_image_write(image.get(), memory.get()) == 0;
}

/// Pixels an inch. Where the file declares none, libvips stands at 1 a millimetre, for JPEG at 72.
double resolution_of(const Handle& image) {
  return image->Xres == 1.0 ? 0 : image->Xres * 25.4;
}

/// Turns and mirrors as the EXIF tag `orientation` (2 to 8) asks.
bool apply_orientation(int orientation, Image& image) {
  const Handle stored(vips_image_new_from_memory(image.rgb.data(), image.rgb.size(), image.width,
                                                 image.height, 3, VIPS_FORMAT_UCHAR));
  if (!stored) return false;
  vips_image_set_int(stored.get(), VIPS_META_ORIENTATION, orientation);
  const Handle upright =
      run([&](VipsImage** out) { return vips_autorot(stored.get(), out, nullptr); });
  Image turned;
  turned.resolution = image.resolution;
  if (!upright || !write_pixels(upright, turned)) return false;
  image = std::move(turned);
  return true;
}

bool is_set(const Handle& image, const char* field) {
  int value = 0;
  return vips_image_get_typeof(image.get(), field) != 0 &&
         vips_image_get_int(image.get(), field, &value) == 0 && value != 0;
}

/// What the loader of `format` holds of each pixel beside the finished picture.
double loader_bytes_per_pixel(const Handle& image, Format format) {
  const auto stored = static_cast<double>(VIPS_IMAGE_SIZEOF_PEL(image.get()));
  switch (format) {
    case Format::kJpeg:  // coefficients of all scans, 16 bits each
      return is_set(image, "jpeg-multiscan") ? 2 * stored : 0.5;
    case Format::kPng:  // all rows, of which each pass fills some
      return is_set(image, "interlaced") ? stored + 0.5 : 0.5;
    case Format::kWebp:  // the frame as YUV and as RGBA
      return 10;
    case Format::kHeic:  // likewise, in libheif, where more than 8 bits take two bytes
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

std::uint64_t decode_bytes(const Handle& image, Format format, std::size_t file_bytes) {
  constexpr std::uint64_t kScratchBytes = 12'000'000;  // libvips at its first picture, rows
  constexpr double kRgb = 3;
  const double turning = vips_image_get_orientation(image.get()) > 1 ? kRgb : 0;
  const double beside = std::max(turning, loader_bytes_per_pixel(image, format));
  const double pixels = static_cast<double>(image->Xsize) * image->Ysize;
  return file_bytes + kScratchBytes + static_cast<std::uint64_t>((kRgb + beside) * pixels);
}

/// What the decoders said, as one line of ASCII; empty: nothing.
std::string vips_words() {
  constexpr std::size_t kMost = 200;
  std::string words;
  std::istringstream lines(vips_error_buffer());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("source: bad seek")) continue;  // libheif looking for the end
    words += (words.empty() ? "" : "; ") + line;
  }
  std::ranges::replace_if(
      words, [](char c) { return c < ' ' || c > '~'; }, '?');
  return words.substr(0, kMost);
}

bool says_unsupported(std::string_view words) {
  static constexpr std::array kWords = {"not configured",    "not supported", "not implemented",
                                        "not been built in", "nsupported",    "bad labq"};
  return std::ranges::any_of(
      kWords, [&](std::string_view each) { return words.find(each) != std::string_view::npos; });
}

/// What a picture has that not every decoder knows; empty: nothing that oko has a name for.
std::string unusual_part(const Source& source) {
  if (source.format == Format::kJpeg) return unusual_jpeg(source.bytes);
  if (source.format == Format::kHeic) return unusual_heif(source.bytes);
  if (source.format != Format::kTiff) return {};
  Opened opened;
  find_page(source, opened);
  return unusual_tiff(*opened.directory);
}

/// Throws kBadInput for a picture that libvips cannot decode.
[[noreturn]] void explain(const Source& source, const std::string& words) {
  const std::string part = unusual_part(source);
  // libheif takes pictures of a coding that it does not know for missing ones.
  const bool is_unknown = source.format == Format::kHeic && !part.empty();
  if (!is_unknown && !says_unsupported(words)) throw_damaged(source.name, source.format, words);
  throw_unsupported(source.name, source.format, part.empty() ? words : part);
}

/// libvips has one buffer of messages for the whole process: pictures are decoded in parallel, and
/// one that fails is tried again alone.
std::shared_mutex decoding;

template <typename Work>
auto explained(const Source& source, const Work& work) {
  const auto attempt = [&]() -> std::optional<decltype(work())> {
    try {
      return work();
    } catch (const VipsFailure&) {
      return std::nullopt;
    }
  };
  {
    const std::shared_lock lock(decoding);
    const ThreadScope scope;
    if (auto result = attempt()) return *std::move(result);
  }
  const std::unique_lock lock(decoding);
  const ThreadScope scope;
  vips_error_clear();
  auto result = attempt();
  if (!result) explain(source, vips_words());
  return *std::move(result);
}

Image decode(const Source& source) {
  Opened opened = open_checked(source);
  Handle& image = opened.image;
  const int orientation = vips_image_get_orientation(image.get());
  Image result;
  result.resolution = resolution_of(image);
  image = to_rgb_on_white(std::move(image), opened.directory ? &*opened.directory : nullptr);
  if (!image || image->Bands != 3 || image->BandFmt != VIPS_FORMAT_UCHAR) {
    throw_unsupported(
        source.name, source.format,
        tr("its colours are not grey, RGB or CMYK", "цвета не серые, не RGB и не CMYK"));
  }
  if (!write_pixels(image, result)) throw VipsFailure{};
  image.reset();
  if (source.format == Format::kGif) {
    if (const auto frame = first_gif_frame(source.bytes)) clear_outside(*frame, result);
  }
  if (orientation > 1 && !apply_orientation(orientation, result)) throw VipsFailure{};
  return result;
}

}  // namespace

Header read_header_with_vips(std::span<const std::byte> bytes, Format format, std::string_view name,
                             const Limits& limits, int page) {
  const Source source{bytes, format, name, limits, page};
  return explained(source, [&] {
    const Opened opened = open_checked(source);
    return Header{format, opened.image->Xsize, opened.image->Ysize, opened.pages,
                  decode_bytes(opened.image, format, bytes.size() + opened.changed.size())};
  });
}

Image decode_with_vips(std::span<const std::byte> bytes, Format format, std::string_view name,
                       const Limits& limits, int page) {
  const Source source{bytes, format, name, limits, page};
  return explained(source, [&] { return decode(source); });
}

}  // namespace oko::image
