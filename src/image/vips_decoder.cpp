#include "image/vips_decoder.h"

#include <vips/vips.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/language.h"
#include "image/failure.h"
#include "image/precheck.h"
#include "image/vips_session.h"

namespace oko::image {
namespace {

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
      case Format::kHeic:
        return with(vips_heifload_buffer);
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

Handle open_checked(std::span<const std::byte> bytes, Format format, std::string_view name,
                    const Limits& limits, int page) {
  start_vips();
  if (format == Format::kHeic && vips_type_find("VipsOperation", "heifload_buffer") == 0) {
    throw_unsupported(name, format,
                      tr("this libvips is built without libheif", "libvips собран без libheif"));
  }
  check_before_decoder(bytes, format, name, limits);
  Handle image = open(bytes, format, page);
  if (!image) throw_damaged(name, format);
  check_size(name, image->Xsize, image->Ysize, limits);
  return image;
}

/// The top 8 of 16 bits. Anything else that is not 8 bits is left to the colour conversion.
Handle to_8_bits(Handle image) {
  if (image->BandFmt != VIPS_FORMAT_USHORT) return image;
  VipsInterpretation interpretation = image->Type;
  if (interpretation == VIPS_INTERPRETATION_RGB16) interpretation = VIPS_INTERPRETATION_sRGB;
  if (interpretation == VIPS_INTERPRETATION_GREY16) interpretation = VIPS_INTERPRETATION_B_W;
  const Handle top = run([&](VipsImage** out) { return vips_msb(image.get(), out, nullptr); });
  if (!top) return nullptr;
  return run([&](VipsImage** out) {
    return vips_copy(top.get(), out, "interpretation", interpretation, nullptr);
  });
}

/// Inks without a profile, as browsers and Pillow show them: (255 - ink) * (255 - black) / 255.
Handle cmyk_to_rgb(const Handle& image) {
  const Handle light = run([&](VipsImage** out) { return vips_invert(image.get(), out, nullptr); });
  if (!light) return nullptr;
  const Handle colour =
      run([&](VipsImage** out) { return vips_extract_band(light.get(), out, 0, "n", 3, nullptr); });
  const Handle black =
      run([&](VipsImage** out) { return vips_extract_band(light.get(), out, 3, nullptr); });
  if (!colour || !black) return nullptr;
  const Handle product =
      run([&](VipsImage** out) { return vips_multiply(colour.get(), black.get(), out, nullptr); });
  if (!product) return nullptr;
  const Handle scaled = run([&](VipsImage** out) {
    return vips_linear1(product.get(), out, 1.0 / 255, 0.5, "uchar", TRUE, nullptr);
  });
  if (!scaled) return nullptr;
  return run([&](VipsImage** out) {
    return vips_copy(scaled.get(), out, "interpretation", VIPS_INTERPRETATION_sRGB, nullptr);
  });
}

/// sRGB by the embedded profile, or by what the pixels say they are where there is none or where it
/// is broken, as viewers do.
Handle to_srgb(Handle image) {
  if (vips_image_get_typeof(image.get(), VIPS_META_ICC_NAME) != 0) {
    Handle converted = run([&](VipsImage** out) {
      return vips_icc_transform(image.get(), out, "srgb", "embedded", TRUE, "intent",
                                VIPS_INTENT_PERCEPTUAL, nullptr);
    });
    if (converted) return converted;
  }
  if (image->Type == VIPS_INTERPRETATION_CMYK && image->BandFmt == VIPS_FORMAT_UCHAR &&
      image->Bands >= 4) {
    return cmyk_to_rgb(image);
  }
  return run([&](VipsImage** out) {
    return vips_colourspace(image.get(), out, VIPS_INTERPRETATION_sRGB, nullptr);
  });
}

Handle flatten_on_white(Handle image) {
  if (!vips_image_hasalpha(image.get())) return image;
  const double white[] = {255, 255, 255};
  const std::unique_ptr<VipsArrayDouble, void (*)(VipsArrayDouble*)> background(
      vips_array_double_new(white, 3),
      [](VipsArrayDouble* array) { vips_area_unref(VIPS_AREA(array)); });
  return run([&](VipsImage** out) {
    return vips_flatten(image.get(), out, "background", background.get(), nullptr);
  });
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

}  // namespace

Header read_header_with_vips(std::span<const std::byte> bytes, Format format, std::string_view name,
                             const Limits& limits, int page) {
  const ThreadScope scope;
  const Handle image = open_checked(bytes, format, name, limits, page);
  const int pages = format == Format::kTiff ? vips_image_get_n_pages(image.get()) : 1;
  return {format, image->Xsize, image->Ysize, pages, decode_bytes(image, format, bytes.size())};
}

Image decode_with_vips(std::span<const std::byte> bytes, Format format, std::string_view name,
                       const Limits& limits, int page) {
  const ThreadScope scope;
  Handle image = open_checked(bytes, format, name, limits, page);
  const int orientation = vips_image_get_orientation(image.get());
  const double resolution = resolution_of(image);
  image = to_8_bits(std::move(image));
  if (image) image = to_srgb(std::move(image));
  if (image) image = flatten_on_white(std::move(image));
  if (!image || image->Bands != 3 || image->BandFmt != VIPS_FORMAT_UCHAR) {
    throw_unsupported(
        name, format,
        tr("its colours are not grey, RGB or CMYK", "цвета не серые, не RGB и не CMYK"));
  }
  Image result;
  result.resolution = resolution;
  if (!write_pixels(image, result)) throw_damaged(name, format);
  image.reset();
  if (orientation > 1 && !apply_orientation(orientation, result)) throw_damaged(name, format);
  return result;
}

}  // namespace oko::image
