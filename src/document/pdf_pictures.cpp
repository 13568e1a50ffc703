#include "document/pdf_pictures.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "document/deflate.h"
#include "document/pixel_box.h"
#include "image/jpeg.h"

namespace oko::document {
namespace {

/// Whether all pixels of a box are alike; `only_black`: and black.
bool is_blank(const image::Image& image, const PixelBox& box, bool only_black = false) {
  const auto pixel = [&](int x, int y) {
    return &image.rgb[(static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                       static_cast<std::size_t>(x)) *
                      3];
  };
  const std::uint8_t* first = pixel(box.left, box.top);
  if (only_black && (first[0] | first[1] | first[2]) != 0) return false;
  for (int y = box.top; y < box.bottom; ++y) {
    for (int x = box.left; x < box.right; ++x) {
      if (!std::equal(first, first + 3, pixel(x, y))) return false;
    }
  }
  return true;
}

/// Whether it is the only filter of a picture.
bool has_filter(FPDF_PAGEOBJECT object, std::string_view name) {
  std::array<char, 16> filter{};
  if (FPDFImageObj_GetImageFilterCount(object) != 1) return false;
  FPDFImageObj_GetImageFilter(object, 0, filter.data(), filter.size());
  return std::string_view(filter.data()) == name;
}

/// As it is stored.
std::string raw_data(FPDF_PAGEOBJECT object) {
  std::string bytes(FPDFImageObj_GetImageDataRaw(object, nullptr, 0), '\0');
  FPDFImageObj_GetImageDataRaw(object, bytes.data(), bytes.size());
  return bytes;
}

/// Whether a JPEG has lost pixels: PDFium draws what is there.
bool is_damaged_jpeg(FPDF_PAGEOBJECT object) {
  if (!has_filter(object, "DCTDecode")) return false;
  const std::string bytes = raw_data(object);
  return image::is_damaged_jpeg(bytes.substr(std::min(bytes.find("\xFF\xD8"), bytes.size())));
}

/// Whether the data of a deflated picture breaks off, or cannot be inflated: PDFium draws what
/// comes before.
bool is_broken_deflate(FPDF_PAGEOBJECT object) {
  if (!has_filter(object, "FlateDecode")) return false;
  const std::string bytes = raw_data(object);
  std::string ignored;
  return is_damaged_deflate(std::as_bytes(std::span(bytes)), 0, ignored);
}

/// Whether a fax has no sign of its end (ITU-T T.6, 2.4.1.1), as one that breaks off: PDFium leaves
/// the rest black. Many whole ones have none, either.
bool lacks_end_of_fax(FPDF_PAGEOBJECT object) {
  constexpr std::size_t kTail = 16;  // bytes that the sign and what fills the last ones up take
  constexpr std::uint32_t kEnd = 0x001001, kMask = 0xFFFFFF;
  if (!has_filter(object, "CCITTFaxDecode")) return false;
  const std::string bytes = raw_data(object);
  std::uint32_t bits = kMask;
  for (std::size_t i = bytes.size() - std::min(bytes.size(), kTail); i < bytes.size(); ++i) {
    for (int bit = 7; bit >= 0; --bit) {
      bits = (bits << 1 | (static_cast<unsigned char>(bytes[i]) >> bit & 1U)) & kMask;
      if (bits == kEnd) return false;
    }
  }
  return true;
}

/// Whether a margin of a tenth of a box is black: what PDFium leaves of a fax that breaks off,
/// whichever way the page is turned.
bool has_black_margin(const image::Image& image, const PixelBox& box) {
  const int across = (box.right - box.left + 9) / 10, down = (box.bottom - box.top + 9) / 10;
  return is_blank(image, {box.left, box.bottom - down, box.right, box.bottom}, true) ||
         is_blank(image, {box.left, box.top, box.right, box.top + down}, true) ||
         is_blank(image, {box.left, box.top, box.left + across, box.bottom}, true) ||
         is_blank(image, {box.right - across, box.top, box.right, box.bottom}, true);
}

}  // namespace

std::optional<FS_RECTF> bounds_of(FPDF_PAGEOBJECT object) {
  FS_RECTF place{};
  if (!FPDFPageObj_GetBounds(object, &place.left, &place.bottom, &place.right, &place.top)) {
    return std::nullopt;
  }
  return is_finite(place) ? std::optional(place) : std::nullopt;
}

bool has_damaged_picture(FPDF_PAGE page, const PageToPicture& to_picture,
                         const image::Image& drawn) {
  constexpr int kMostDecoded = 32;
  int decoded = 0;
  std::map<PixelBox, bool> blank;  // pictures of one place are looked at once
  for (int i = 0; i < FPDFPage_CountObjects(page) && decoded < kMostDecoded; ++i) {
    FPDF_PAGEOBJECT object = FPDFPage_GetObject(page, i);
    if (FPDFPageObj_GetType(object) != kPdfObjectImage) continue;
    const std::optional<FS_RECTF> place = bounds_of(object);
    if (!place) continue;
    const PixelBox box = pixels_of(to_picture.box(*place), 0, drawn);
    if (box.left >= box.right || box.top >= box.bottom) continue;
    if (lacks_end_of_fax(object) && has_black_margin(drawn, box)) return true;
    if (is_damaged_jpeg(object) || is_broken_deflate(object)) return true;
    const auto [known, is_new] = blank.try_emplace(box, false);
    if (is_new) known->second = is_blank(drawn, box);
    if (!known->second) continue;
    ++decoded;
    if (!PdfiumBitmap(FPDFImageObj_GetBitmap(object))) return true;
  }
  return false;
}

}  // namespace oko::document
